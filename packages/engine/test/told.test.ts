import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { builtInPlugin, loadRegistry } from '../src/plugin/load.js'
import { Project, plugin, statuses } from './project.js'

const told = plugin({
  'told/slow': { params: "n: { type: 'integer' }", run: `async ({ outputs }) => { await new Promise(r => setTimeout(r, 200)); await outputs.rows.write({ a: 1 }) }` },
  'told/full': { run: `() => { throw new Error('cannot save the rows', { cause: Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write', path: '/disk/rows' }) }) }` },
  'told/forbidden': { run: `() => { throw Object.assign(new Error('spawn tool EACCES'), { code: 'EACCES', syscall: 'spawn tool', path: 'tool' }) }` },
  'told/moved': {
    params: "path: { type: 'string', artifact: { port: 'source' } }",
    inputs: 'source: { kind: file }',
    run: `async ({ inputs, outputs }) => { (await import('node:fs')).appendFileSync(inputs.source.path, 'more'); await outputs.rows.write({ a: 1 }) }`,
  },
})
const make = (stages: string) => Project.make({ 'plugin.ts': told, 'in.txt': 'text', 'pipeline.yaml': `plugins: [./plugin.ts]\nstages:\n${stages}` })

test('how long a stage took does not count its wait for a share of the machine', async () => {
  const ran = await (await make('  slow: { uses: told/slow, matrix: { n: [1, 2, 3] }, with: { n: "${{ matrix.n }}" } }\n')).run({ jobs: 1 })
  for (const [stage, { at, durationMs }] of Object.entries(ran.finished)) {
    const started = ran.events.find(e => e.type === 'stage-started' && e.stage === stage)!
    assert.ok(Math.abs(durationMs - (Date.parse(at) - Date.parse(started.at))) < 60, `${stage} took ${durationMs} ms, from ${started.at} to ${at}`)
  }
})

test('a full disk inside a stage is told as the store tells it, and what only looks like it is not', async () => {
  const ran = await (await make('  full: { uses: told/full }\n  forbidden: { uses: told/forbidden }\n')).run({ keepGoing: true })
  const { reason, message, hint, final } = ran.finished.full!.failure!
  assert.equal([reason, message, final], ['store', 'Cannot go on (write): the disk is full (/disk/rows)', true])
  assert.match(hint ?? '', /^Free some space/)
  assert.is(ran.finished.forbidden!.failure!.reason, 'threw')
})

test('a file of the project that changed while a stage ran is named, and blames nobody', async () => {
  const project = await make('  moved: { uses: told/moved, with: { path: in.txt } }\n')
  const ran = await project.run()
  assert.equal(statuses(ran), { moved: 'failed' })
  const { reason, message } = ran.finished.moved!.failure!
  assert.equal([reason, message], ['changed-input', 'in.txt changed while the stage ran, so what it made is not kept'])
})

test('code that does not compile has no digest and a reason, and ends nothing', async () => {
  const project = await Project.make({ 'broken.mjs': 'export const a = {' })
  const definition = { name: 'broken', api: 1 as const, stages: [{ id: 'broken/stage', version: 1, summary: '', params: { schema: {} }, inputs: {}, outputs: {}, determinism: 'bytes' as const, run: async () => ({}) }] }
  const registry = await loadRegistry({ builtIn: [builtInPlugin(definition as never, pathToFileURL(project.path('broken.mjs')).href)], plugins: [], projectRoot: project.root })
  assert.ok(registry.ok)
  const [stage] = registry.value.stages
  assert.is(await stage!.codeDigest(), undefined)
  assert.match(stage!.codeFault!() ?? '', /^broken\.mjs:1:\d+ /)
})

test.run()
