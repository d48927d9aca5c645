import { readFileSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { updateReferences } from '../src/fetch-references.js'
import { openPipeline } from '../src/prepare.js'
import { planPipeline } from '../src/run.js'
import { Project, statuses } from './project.js'

// `box:NAME` lies in the folder that the environment variable BOX names: `NAME` holds what it is now, `NAME-PIN` its content. What was asked stands in `asked`.
const plugin = `import { defineKind, definePlugin, defineStage, params, ReferenceProblem } from 'hone-engine'
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync, cpSync } from 'node:fs'
import { join } from 'node:path'
import { rows } from './kinds'
const asked = (env, what) => appendFileSync(join(env.BOX, 'asked'), what + '\\n')
const thing = defineKind({
  id: 'thing', summary: 'A folder.', form: 'folder',
  files: (paths, view) => paths.filter(p => p === 'a.txt' || (view !== 'small' && p === 'b.txt')),
  resolve: reference => {
    const name = /^box:(\\w+)$/.exec(reference)?.[1]
    if (name === undefined) {
      if (reference.startsWith('box:')) throw new ReferenceProblem(reference + ' is no box', 'Write box:NAME.')
      return undefined
    }
    return {
      ask: async ({ env }) => {
        asked(env, 'ask ' + name)
        if (!existsSync(join(env.BOX, name))) throw new ReferenceProblem('there is no box ' + name, 'Make one.')
        return readFileSync(join(env.BOX, name), 'utf8').trim()
      },
      find: (pin, view, { cacheDir }) => (existsSync(join(cacheDir, name + '-' + pin)) ? join(cacheDir, name + '-' + pin) : undefined),
      fetch: async (pin, view, { cacheDir, env, progress }) => {
        asked(env, 'fetch ' + name + ' ' + pin)
        progress(1, 1)
        cpSync(join(env.BOX, name + '-' + pin), join(cacheDir, name + '-' + pin), { recursive: true })
        return join(cacheDir, name + '-' + pin)
      },
    }
  },
})
const use = (id, view) => defineStage({
  id, version: 1, summary: '', determinism: 'bytes',
  params: params({ type: 'object', properties: { thing: { type: 'string', artifact: { port: 'thing', keyed: false } } } }),
  inputs: { thing: { kind: thing, view } }, outputs: { rows: { kind: rows } },
  run: async () => ({ default: async ({ inputs, outputs }) => { await outputs.rows.write({ a: readFileSync(join(inputs.thing.path, 'a.txt'), 'utf8') }) } }),
})
const make = defineStage({
  id: 'make/thing', version: 1, summary: '', determinism: 'bytes',
  params: params({ type: 'object', properties: { a: { type: 'string' }, b: { type: 'string', default: 'b' }, thing: { type: 'string', artifact: { port: 'thing' } } } }),
  inputs: { thing: { kind: thing, optional: true } }, outputs: { thing: { kind: thing }, rows: { kind: rows, optional: true } },
  run: async () => ({ default: async ({ params, outputs }) => { writeFileSync(join(outputs.thing.path, 'a.txt'), params.a); writeFileSync(join(outputs.thing.path, 'b.txt'), params.b); writeFileSync(join(outputs.thing.path, 'README'), params.a.length + params.b) } }),
})
export default definePlugin({ name: 'test', api: 1, kinds: [rows, thing], stages: [use('use/whole'), use('use/small', 'small'), make] })
`
const uses = (reference: string) => `plugins: [./plugin.ts]
stages:
  whole: { uses: use/whole, with: { thing: ${JSON.stringify(reference)} } }
  small: { uses: use/small, with: { thing: ${JSON.stringify(reference)} } }
`
const makes = (a: string, b: string, more = '') => `plugins: [./plugin.ts]
params: { a: ${a} }
stages:
  made: { uses: make/thing, with: { a: "\${{ params.a }}", b: ${b}${more} } }
  other: { uses: make/thing, with: { a: x } }
`
const said = (diagnostics: readonly { code: string; message: string; hint?: string }[]) => diagnostics.map(d => [d.code, d.message, d.hint])

test('what a stage of another pipeline made is named by file and stage; that pipeline is never run', async () => {
  const project = await Project.make({ 'plugin.ts': plugin, 'pipeline.yaml': uses('lib/base file.yaml:made.thing'), 'lib/base file.yaml': makes('one', 'b') })
  const other = { ...project.options, file: project.path('lib/base file.yaml') }
  const refused = await project.run()
  assert.is(refused.outcome.status, 'refused')
  assert.equal(said(refused.outcome.diagnostics), [
    ['no-current-result', '"lib/base file.yaml:made.thing" has no current result: made would run: no record yet', "Run it first: hone run 'lib/base file.yaml' made"],
    ['no-current-result', '"lib/base file.yaml:made.thing" has no current result: made would run: no record yet', "Run it first: hone run 'lib/base file.yaml' made"],
  ])
  assert.is(refused.events.length, 0)
  assert.equal(statuses(await project.run({ ...other, stages: ['made'] })), { made: 'ran' })

  const ran = await project.run()
  assert.equal(statuses(ran), { whole: 'ran', small: 'ran' })
  assert.is(await readFile(ran.finished.whole!.outputs.rows!.path, 'utf8'), '{"a":"one"}\n')

  await project.write({ 'lib/base file.yaml': makes('one', 'c') })
  const stale = await planPipeline(project.options)
  assert.equal(said(stale.diagnostics)[0]!.slice(0, 2), ['no-current-result', '"lib/base file.yaml:made.thing" has no current result: made would run: params.b: b → c'])
  await project.run({ ...other, stages: ['made'] })
  assert.equal(statuses(await project.run()), { whole: 'ran', small: 'hit' }, 'the view of the port counts')

  const opened = await openPipeline(other)
  const plan = await planPipeline(other)
  assert.ok(opened.ok && plan.ok)
  const made = [...plan.value.nodes.values()].find(n => n.node.id === 'made')!
  assert.ok(made.action === 'hit')
  await rm(join(opened.value.store.pathOf(made.record.outputs.thing!), 'a.txt'), { force: true })
  assert.match(said((await planPipeline(project.options)).diagnostics)[0]![1]!, /has no current result: made would run: .*(damaged|missing|gone|no longer)/)
})

test('mistakes in what names another pipeline, and in that pipeline, are told where it is named', async () => {
  const project = await Project.make({ 'plugin.ts': plugin, 'pipeline.yaml': uses('x'), 'base.yaml': makes('one', 'b') })
  const told = async (reference: string) => {
    await project.write({ 'pipeline.yaml': uses(reference) })
    const [first] = (await planPipeline({ ...project.options, stages: ['whole'] })).diagnostics
    assert.is(first!.range?.line, 3)
    return said([first!])[0]
  }
  assert.equal(await told('base.yaml:mad'), ['unknown-stage', 'base.yaml has no stage "mad"', 'Did you mean "made"?'])
  assert.equal((await told('base.yaml:made.thin'))!.slice(0, 2), ['unknown-port', '"base.yaml:made" has no output "thin".'])
  assert.equal((await told('base.yaml:made.rows'))!.slice(0, 2), ['kind-mismatch', '"thing" takes "thing"; "base.yaml:made.rows" is "rows".'])
  assert.equal((await told('no.yaml:made'))![0], 'missing-file')
  assert.equal(await told('pipeline.yaml:small.rows'), ['cycle', '"pipeline.yaml:small.rows" leads back to the file that it stands in: pipeline.yaml → pipeline.yaml', 'Stages of the same file are taken by `inputs:`: { thing: small.rows }.'])
  await project.write({ 'base.yaml': makes('one', 'b', ', thing: "deep/deep.yaml:made"'), 'deep/deep.yaml': makes('one', 'b', ', thing: "./pipeline.yaml:whole"') })
  assert.equal((await told('base.yaml:made'))!.slice(0, 2), ['cycle', '"./pipeline.yaml:whole" leads back to the file that it stands in: pipeline.yaml → base.yaml → deep/deep.yaml → pipeline.yaml'])
  await project.write({ 'deep/deep.yaml': makes('one', 'b') })
  assert.equal(await told('base.yaml:made'), ['no-current-result', '"deep/deep.yaml:made" has no current result: made would run: no record yet', 'Run it first: hone run deep/deep.yaml made'])
  await project.write({ 'base.yaml': makes('one', '[') })
  const broken = await told('base.yaml:made')
  assert.match(broken![1]!, /^base\.yaml has .*mistakes?: /)
  assert.is(broken![2], 'See hone validate base.yaml')
})

test('an outside reference is resolved once into hone.lock and fetched by a run, never by a plan; update moves it', async () => {
  const project = await Project.make({ 'plugin.ts': plugin, 'pipeline.yaml': uses('box:red'), 'box/red': '1', 'box/red-1/a.txt': 'first', 'box/red-1/b.txt': 'b', 'box/asked': '' })
  const env = { ...project.options.env, BOX: project.path('box'), HONE_CACHE: project.path('cache') }
  const asked = () => readFileSync(project.path('box/asked'), 'utf8').trim().split('\n').filter(Boolean)
  const options = { ...project.options, env }
  const [unfetched] = said((await planPipeline(options)).diagnostics)
  assert.equal(unfetched, ['not-fetched', '"box:red" has not been resolved and fetched yet', 'Fetch it: hone update box:red (`hone run` does so too).'])
  assert.equal(asked(), [])

  await project.write({ 'pipeline.yaml': `${uses('box:red')}  wrong: { uses: use/whole, with: { thing: ./nowhere } }\n` })
  assert.is((await project.run({ env })).outcome.status, 'refused')
  assert.equal(asked(), [], 'nothing is fetched for a pipeline that has mistakes')

  await project.write({ 'pipeline.yaml': uses('box:red') })
  const progress: string[] = []
  const first = await project.run({ env, onFetch: p => progress.push(`${p.reference} ${p.pin} ${p.done}/${p.total}`) })
  assert.equal(statuses(first), { whole: 'ran', small: 'ran' })
  assert.equal(asked(), ['ask red', 'fetch red 1'])
  assert.equal(progress, ['box:red 1 1/1'])
  assert.is(await readFile(project.path('hone.lock'), 'utf8'), '{\n  "version": 1,\n  "references": {\n    "box:red": "1"\n  }\n}\n')

  await project.write({ 'box/red': '2', 'box/red-2/a.txt': 'first', 'box/red-2/b.txt': 'changed' })
  const plan = await planPipeline(options)
  assert.ok(plan.ok && [...plan.value.nodes.values()].every(n => n.action === 'hit'), 'what is outside has moved, hone.lock has not')
  await rm(project.path('cache'), { recursive: true })
  assert.equal(said((await planPipeline(options)).diagnostics)[0], ['not-fetched', '"box:red" is not on this machine', 'Fetch it as hone.lock has it: hone update --locked box:red (`hone run` does so too).'])

  const opened = await openPipeline(options)
  assert.ok(opened.ok)
  const { registry, references } = opened.value
  const update = (more: object) => updateReferences({ kinds: registry.kinds, projectRoot: project.root, outside: references.outside, ...more })
  const locked = await update({ locked: true })
  assert.ok(locked.ok)
  assert.equal(locked.value.map(u => [u.before, u.now]), [['1', '1']])
  const moved = await update({})
  assert.ok(moved.ok)
  assert.equal(moved.value.map(u => [u.reference, u.before, u.now]), [['box:red', '1', '2']])
  assert.equal(asked().slice(2), ['fetch red 1', 'ask red', 'fetch red 2'])
  const after = await planPipeline(options)
  assert.ok(after.ok)
  assert.equal([...after.value.nodes.values()].map(n => [n.node.id, n.action]), [['whole', 'run'], ['small', 'hit']])
  assert.equal(said((await update({ reference: 'box:blue' })).diagnostics), [['fetch-failed', '"box:blue": there is no box blue', 'Make one.']])
  assert.not.match(await readFile(project.path('hone.lock'), 'utf8'), /blue/)
  assert.equal(said((await update({ reference: './x' })).diagnostics)[0]![0], 'unknown-reference')

  await writeFile(project.path('hone.lock'), '<<<<<<< ours\n')
  assert.equal((await planPipeline(options)).diagnostics.map(d => d.code), ['bad-lock'])
  await project.write({ 'hone.lock': '{"version":1,"references":{}}', 'pipeline.yaml': uses('box:a b') })
  assert.equal(said((await planPipeline({ ...options, stages: ['whole'] })).diagnostics), [['unknown-reference', 'box:a b is no box', 'Write box:NAME.']])
})

test.run()
