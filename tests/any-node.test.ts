// What depends on the Node that runs it: `npm run test:nodes` runs this file with each major version that the packages are for.
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, shell } from './rig.js'
import { root } from './sources.js'

const test = suite(`on Node ${process.versions.node}`)
const model = join(root, 'models/hone-tiny')
const plugin = `import { definePlugin, defineStage, params } from 'hone-engine'
import { rows } from 'hone-plugins'
enum Voice { loud = 'loud' }
const stage = (name: string, light: boolean) => defineStage<{ times: number }>({
  id: \`words/\${name}\`, version: 1, summary: 'Says it.', determinism: 'bytes', light,
  params: params({ type: 'object', additionalProperties: false, properties: { times: { type: 'integer', default: 1 } } }),
  inputs: { rows: { kind: rows } }, outputs: { rows: { kind: rows } },
  run: () => import('./run.js'),
})
export const voice: Voice = Voice.loud
export default definePlugin({ name: 'words', api: 1, stages: [stage('in-thread', true), stage('in-process', false)] })
`
const run = `import type { StageContext } from 'hone-engine'
export default async function run({ params, inputs, outputs, memo }: StageContext<{ times: number }>): Promise<void> {
  const said = memo.map(inputs['rows'] as AsyncIterable<{ text: string }>, { salt: params.times }, rows => rows.map(row => ({ ...row, text: row.text + '!'.repeat(params.times) })))
  for await (const row of said) await outputs['rows']!.write(row)
}
`
const pipeline = `plugins: [./plugins/words.ts]
stages:
  texts: { uses: ingest/table, with: { path: texts.csv } }
  thread: { uses: words/in-thread, inputs: { rows: texts } }
  process: { uses: words/in-process, inputs: { rows: thread }, with: { times: 2 } }
  shell: ${shell('sort "$HONE_INPUT_ROWS" > "$HONE_OUTPUT_TO"', '', 'rows: process')}
  scored: { uses: evaluate/perplexity, inputs: { rows: shell }, with: { model: "${model}" } }
`
const files = { 'pipeline.yaml': pipeline, 'texts.csv': 'text\nthe sky is blue\na rose is a rose\n', 'plugins/words.ts': plugin, 'plugins/run.ts': run }
const stages = ['texts', 'thread', 'process', 'shell', 'scored']
const all = (status: string) => Object.fromEntries(stages.map(stage => [stage, status]))

test('a command starts with nothing on stderr, and what was compiled is kept for the next', async () => {
  const project = Project.make(files)
  for (const folder of ['cache', 'tmp']) mkdirSync(project.path(folder))
  const env = { XDG_CACHE_HOME: project.path('cache'), TMPDIR: project.path('tmp') }
  const said: string[] = []
  for (const args of [['--version'], ['validate', 'pipeline.yaml'], ['validate', 'pipeline.yaml']]) {
    const { code, stdout, stderr } = await project.start(args, { env }).ended
    assert.equal([code, stderr], [0, ''], args[0])
    said.push(stdout)
  }
  assert.match(said[0]!, /^\d+\.\d+\.\d+\n$/)
  assert.is(said[1], said[2])
  const kept = ['cache', 'tmp'].flatMap(folder => readdirSync(project.path(folder), { recursive: true, encoding: 'utf8' }))
  assert.ok(kept.some(name => /compiled\/\w+\.bin$|node-compile-cache\/.+\/\w+$/.test(name)), kept.join('\n'))
})

test('a pipeline with a TypeScript plugin runs in a thread, in processes, in a shell and on ONNX Runtime; again all are hits', async () => {
  const project = Project.make(files)
  const ran = await project.run()
  assert.equal([ran.statuses, ran.code, ran.stderr], [all('ran'), 0, ''])
  const [{ path }] = (await project.hone('artifacts', 'pipeline.yaml', 'shell.to', '--json')).json.artifacts
  assert.equal(project.read(path.slice(project.root.length + 1)).split('\n').map(line => (line ? JSON.parse(line).text : line)), ['a rose is a rose!!!', 'the sky is blue!!!', ''])
  const again = await project.run()
  assert.equal([again.statuses, again.code, again.stderr], [all('hit'), 0, ''])
  project.edit('plugins/run.ts', "'!'", "'?'")
  assert.match((await project.hone('why', 'pipeline.yaml', 'thread')).stdout, /the code of words\/in-thread changed/)
})

test('Ctrl-C ends a run with 130, and the next one goes on in the scratch of what was cancelled', async () => {
  const count = 'n=$(cat "$HONE_SCRATCH/n" 2>/dev/null || echo 0); touch started; while [ $n -lt 60 ]; do n=$((n+1)); echo $n > "$HONE_SCRATCH/n"; sleep 0.05; done; echo "{\\"n\\":$n}" > "$HONE_OUTPUT_TO"; echo "from $n"'
  const project = Project.make({ 'pipeline.yaml': `stages:\n  slow: ${shell(count)}\n` })
  const running = project.start(['run', 'pipeline.yaml', '--json'])
  await running.until('it counts', () => project.has('started'))
  running.kill('SIGINT')
  const { code, statuses } = await running.ended
  assert.equal([code, statuses], [130, { slow: 'cancelled' }])
  assert.equal((await project.run()).statuses, { slow: 'ran' })
})

test.run()
