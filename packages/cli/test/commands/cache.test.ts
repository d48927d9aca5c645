import { chmodSync, statSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, shell } from '../../../../tests/rig.js'

const test = suite('cache')
const pipeline = `plugins: [./plugin.ts]
params: { n: 1 }
stages:
  made: { uses: make/row, with: { n: "\${{ params.n }}" } }
  copy: ${shell('cat "$HONE_INPUT_MADE" "$HONE_INPUT_MADE" > "$HONE_OUTPUT_TO"', '', 'made: made')}
`
const plugin = `import { definePlugin, defineStage, params } from 'hone-engine'
import { rows } from 'hone-plugins'
const row = defineStage({
  id: 'make/row', version: 1, summary: 'A row.', determinism: 'bytes',
  params: params({ type: 'object', additionalProperties: false, properties: { n: { type: 'integer' } } }),
  inputs: {}, outputs: { rows: { kind: rows } },
  run: () => import('./row'),
})
export default definePlugin({ name: 'test', api: 1, stages: [row] })
`
const row = (value: string) => `export default async ({ params, outputs }) => { await outputs.rows.write({ value: ${value} }) }\n`
const make = () => Project.make({ 'pipeline.yaml': pipeline, 'plugin.ts': plugin, 'row.ts': row('params.n') })
const project = make()

test('ls lists what is stored, newest first', async () => {
  assert.is((await project.hone('cache', 'ls')).stdout, 'The store is empty.\n')
  assert.is((await project.run()).code, 0)
  const { records } = (await project.hone('cache', 'ls', '--json')).json as { records: { key: string; node: string; uses: string; bytes: number; isWhole: boolean }[] }
  assert.equal(records.map(({ node, uses, bytes, isWhole }) => [node, uses, bytes, isWhole]), [['copy', 'command/shell', 24, true], ['made', 'make/row', 12, true]])
  assert.ok(records.every(r => /^[0-9a-f]{64}$/.test(r.key)))
  assert.match((await project.hone('cache', 'ls')).stdout, /^[0-9a-f]{12} {2}copy {2}command\/shell {2}24 B {2}.*\n[0-9a-f]{12} {2}made {2}make\/row {7}12 B {2}.*\n$/)
})

test('verify moves aside what is not what its name says and exits 1; the next run makes it anew', async () => {
  assert.equal((await project.hone('cache', 'verify', '--json')).json, { objects: 2, bytes: 36, moved: [], lost: [] })
  const { path } = (await project.hone('artifacts', 'pipeline.yaml', 'made', '--json')).json.artifacts[0] as { path: string }
  const name = path.slice(project.root.length + 1)
  chmodSync(path, 0o644)
  project.write({ [name]: '{"value":2}\n' })
  const verify = await project.hone('cache', 'verify')
  assert.is(verify.code, 1)
  assert.match(verify.stdout, /^2 objects, 36 B: 1 were wrong and lie in quarantine\/\n/)
  assert.not.ok(project.has(name))
  const plan = (await project.hone('plan', 'pipeline.yaml', '--json')).json.stages
  assert.equal([plan.made.action, plan.copy.action], ['run', 'undetermined'])
  assert.equal((await project.run()).statuses, { made: 'ran', copy: 'hit' })
  assert.is(project.read(name), '{"value":1}\n')
  assert.is((await project.hone('cache', 'verify')).code, 0)
})

test('a damaged object is noticed without verify, and made anew', async () => {
  const { path } = (await project.hone('artifacts', 'pipeline.yaml', 'made', '--json')).json.artifacts[0] as { path: string }
  const name = path.slice(project.root.length + 1)
  chmodSync(path, 0o644)
  project.write({ [name]: '{"value":' })
  const ran = await project.run()
  assert.is(ran.code, 0, ran.stderr)
  assert.equal([ran.statuses.made, project.read(name)], ['ran', '{"value":1}\n'])
})

test('gc keeps what was touched in the last hour, runs and pins; a pinned run must exist', async () => {
  const before = await project.run('--set', 'n=2')
  const old = before.of('run-started')[0]!.run
  assert.is((await project.hone('cache', 'pin', old)).stdout, `${old} is pinned.\n`)
  const { records, objects, keptRuns } = (await project.hone('cache', 'gc', '--keep', '1', '--json')).json
  assert.equal([records, objects], [0, 0])
  assert.ok((keptRuns as string[]).includes(old))
  assert.match((await project.hone('cache', 'gc', '--dry-run')).stdout, /^Would remove 0 results and 0 objects, 0 B; \d+ runs keep theirs\.\n$/)
  assert.equal((await project.hone('cache', 'pin', old, '--remove', '--json')).json, { run: old, pinned: false })
  const next = (await project.run('--set', 'n=2')).of('run-started')[0]!.run
  assert.is((await project.hone('cache', 'pin', 'last')).stdout, `${next} is pinned.\n`)
  const wrong = await project.hone('cache', 'pin', 'lst')
  assert.equal([wrong.code, wrong.stderr], [2, `error: There is no run "lst" in ${project.path('.hone/runs')}. Did you mean "last"? \`hone runs\` lists them.\n`])
})

test('adopt keeps the old result under the new key after an edit of the code, and nothing else', async () => {
  const project = make()
  const first = await project.run()
  assert.is((await project.hone('cache', 'adopt', 'pipeline.yaml', 'made')).stdout, 'made: is a hit already\n')
  project.write({ 'row.ts': row('0 + params.n') })
  assert.equal((await project.hone('plan', 'pipeline.yaml', 'made', '--json')).json.stages.made, { ...(await project.hone('plan', 'pipeline.yaml', 'made', '--json')).json.stages.made, action: 'run', reasons: ['the code of make/row changed'] })
  const adopted = await project.hone('cache', 'adopt', 'pipeline.yaml', 'made')
  assert.is(adopted.code, 0, adopted.stderr)
  assert.match(adopted.stdout, /^made: the result of \d{4}-\d\d-\d\d is kept under the new key\n$/)
  const ran = await project.run()
  assert.equal(ran.statuses, { made: 'hit', copy: 'hit' })
  assert.equal(ran.finished('made').outputs, first.finished('made').outputs)
  assert.match(ran.finished('made').because.join('\n'), /adopted/)
  const [before] = first.of('stage-finished').filter(e => e.stage === 'made')
  const { records } = (await project.hone('cache', 'ls', '--json')).json as { records: { node: string; adoptedFrom?: string }[] }
  assert.equal(records.map(r => [r.node, r.adoptedFrom]), [['made', before!.key], ['copy', undefined], ['made', undefined]])
  assert.equal((await project.hone('cache', 'ls')).stdout.split('\n').map(line => / adopted from (.*)$/.exec(line)?.[1]), [before!.key!.slice(0, 12), undefined, undefined, undefined])
  const refused = await project.hone('cache', 'adopt', 'pipeline.yaml', 'made', '--set', 'n=7', '--json')
  assert.is(refused.code, 1)
  assert.is(refused.json.nodes[0].type, 'refused')
  assert.match(refused.json.nodes[0].reasons.join('\n'), /params\.n/)
})

test('HONE_HOME is the store, wherever it is', async () => {
  const project = make()
  const env = { HONE_HOME: project.path('else where') }
  assert.is((await project.start(['run', 'pipeline.yaml'], { env }).ended).code, 0)
  assert.ok(statSync(project.path('else where/objects')).isDirectory())
  assert.not.ok(project.has('.hone'))
  assert.is((await project.start(['cache', 'ls', '--json'], { env }).ended).json.records.length, 2)
})

test.run()
