import { utimesSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { thisMachine } from '../src/execute/scheduler.js'
import { builtInPlugin, loadRegistry } from '../src/plugin/load.js'
import { Project, plugin, statuses } from './project.js'

const told = plugin({
  'told/slow': { params: "n: { type: 'integer' }", run: `async ({ outputs }) => { await new Promise(r => setTimeout(r, 200)); await outputs.rows.write({ a: 1 }) }` },
  'told/devices': { run: `async ({ outputs, log }) => { log(process.env.CUDA_VISIBLE_DEVICES); await outputs.rows.write({ a: 1 }) }` },
  'told/full': { run: `() => { throw new Error('cannot save the rows', { cause: Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write', path: '/disk/rows' }) }) }` },
  'told/forbidden': { run: `() => { throw Object.assign(new Error('spawn tool EACCES'), { code: 'EACCES', syscall: 'spawn tool', path: 'tool' }) }` },
  'told/moved': {
    params: "path: { type: 'string', artifact: { port: 'source' } }",
    inputs: 'source: { kind: file }',
    run: `async ({ inputs, outputs }) => { (await import('node:fs')).appendFileSync(inputs.source.path, 'more'); await outputs.rows.write({ a: 1 }) }`,
  },
  ...Object.fromEntries(
    Object.entries({
      back: `write('else'); write('text')`,
      restored: `const { atime, mtime } = fs.statSync(path); write('else'); write('text'); fs.utimesSync(path, atime, mtime)`,
      replaced: `fs.rmSync(path); write('text')`,
      linked: `fs.linkSync(path, scratch + '/link'); fs.chmodSync(path, 0o600)`,
      locked: `fs.chmodSync(path, 0o444)`,
    }).flatMap(([name, act]) => (['file', 'folder'] as const).map(form => [
      `told/${name}-${form}`,
      {
        params: "path: { type: 'string', artifact: { port: 'source' } }",
        inputs: `source: { kind: ${form} }`,
        run: `async ({ inputs, outputs, scratch }) => {
          const fs = await import('node:fs')
          const path = inputs.source.path${form === 'folder' ? ` + '/sub/in.txt'` : ''}
          const write = text => fs.writeFileSync(path, text)
          await new Promise(r => setTimeout(r, 30))
          ${act}
          await outputs.rows.write({ a: 1 })
        }`,
      },
    ])),
  ),
})
const make = (stages: string) => Project.make({ 'plugin.ts': told, 'in.txt': 'text', 'pipeline.yaml': `plugins: [./plugin.ts]\nstages:\n${stages}` })

test('how long a stage took does not count its wait for a share of the machine', async () => {
  const ran = await (await make('  slow: { uses: told/slow, matrix: { n: [1, 2, 3] }, with: { n: "${{ matrix.n }}" } }\n')).run({ jobs: 1 })
  for (const [stage, { at, durationMs }] of Object.entries(ran.finished)) {
    const started = ran.events.find(e => e.type === 'stage-started' && e.stage === stage)!
    assert.ok(Math.abs(durationMs - (Date.parse(at) - Date.parse(started.at))) < 60, `${stage} took ${durationMs} ms, from ${started.at} to ${at}`)
  }
})

test('a stage that would run and asks for more GPUs than there are is a mistake before the start; one that is a hit is none', async () => {
  const project = await make('  before: { uses: told/slow }\n  asks: { uses: told/slow, needs: before, resources: { gpus: 2 } }\n')
  const alone = await project.run({ machine: { cpus: 4, memory: 2 ** 34, gpus: 1 } })
  assert.equal([alone.outcome.status, alone.events, alone.outcome.diagnostics.map(d => [d.code, d.message])], ['refused', [], [['too-few-gpus', '"asks" asks for 2 GPUs; this machine has 1.']]])
  assert.is(alone.outcome.diagnostics[0]!.range!.line, 4)
  assert.equal(statuses(await project.run({ machine: { cpus: 4, memory: 2 ** 34, gpus: 2 } })), { before: 'ran', asks: 'hit' })
  assert.equal(statuses(await project.run()), { before: 'hit', asks: 'hit' })
})

test('of the GPUs that CUDA_VISIBLE_DEVICES leaves visible each stage gets its own', async () => {
  const project = await make('  one: { uses: told/devices, resources: { gpus: 1 } }\n  two: { uses: told/devices, seed: 1, needs: one, resources: { gpus: 2 } }\n')
  const before = process.env['CUDA_VISIBLE_DEVICES']
  process.env['CUDA_VISIBLE_DEVICES'] = '3,GPU-8932f937'
  try {
    const { gpus } = thisMachine()
    const ran = await project.run({ machine: { cpus: 4, memory: 2 ** 34, gpus } })
    assert.equal(statuses(ran), { one: 'ran', two: 'ran' })
    assert.equal(ran.events.flatMap(e => (e.type === 'log' ? [e.message] : [])), ['3', '3,GPU-8932f937'])
  } finally {
    if (before === undefined) delete process.env['CUDA_VISIBLE_DEVICES']
    else process.env['CUDA_VISIBLE_DEVICES'] = before
  }
})

test('a stage that asks for more cores or memory than there are runs alone, and is told what it gets', async () => {
  const project = await make('  asks: { uses: told/slow, resources: { cpus: 9, memory: 32GiB } }\n  cores: { uses: told/slow, with: {}, seed: 1, resources: { cpus: 9 } }\n')
  const { events } = await project.run()
  const warned = events.flatMap(e => (e.type === 'log' && e.level === 'warn' ? [`${e.stage}: ${e.message}`] : [])).sort()
  assert.equal(warned, ['asks: asks for more than this machine has and runs alone, with 4 of 9 cores and 16 of 32 GiB', 'cores: asks for more than this machine has and runs alone, with 4 of 9 cores'])
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

test('a file of the project that is changed and changed back while a stage runs is noticed; a new link to it and another mode are no change', async () => {
  const fates = { back: 'failed', restored: 'failed', replaced: 'failed', linked: 'ran', locked: 'ran' }
  const cases = Object.entries(fates).flatMap(([name, fate]) => [
    { stage: `${name}-file`, path: `${name}.txt`, file: `${name}.txt`, fate },
    { stage: `${name}-folder`, path: name, file: `${name}/sub/in.txt`, fate },
  ])
  const project = await make(cases.map(({ stage, path }) => `  ${stage}: { uses: told/${stage}, with: { path: ${path} } }\n`).join(''))
  await project.write(Object.fromEntries(cases.map(({ file }) => [file, 'text'])))
  // To the second, so that it can be set back exactly.
  for (const { file } of cases) utimesSync(project.path(file), 1e9, 1e9)
  await new Promise(done => setTimeout(done, 30))
  const ran = await project.run({ keepGoing: true })
  assert.equal(statuses(ran), Object.fromEntries(cases.map(({ stage, fate }) => [stage, fate])))
  for (const { stage, path, fate } of cases) if (fate === 'failed') assert.is(ran.finished[stage]!.failure!.message, `${path} changed while the stage ran, so what it made is not kept`)
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
