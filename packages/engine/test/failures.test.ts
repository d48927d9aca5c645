import { spawn } from 'node:child_process'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Event } from '../src/events/event.js'
import { runPipeline } from '../src/run.js'
import { Project, plugin, statuses, type Ran } from './project.js'

const failing = plugin(
  {
    'bad/throws': { run: `() => { console.log('about to'); throw new TypeError('no such column') }` },
    'bad/fails': { params: "rank: { type: 'integer', default: 1 }", run: `({ fail }) => fail('must be below the hidden size', 'rank', 'Try 8.')` },
    'bad/exits': { run: `() => process.exit(3)` },
    'bad/crashes': { run: `() => process.kill(process.pid, 'SIGABRT')` },
    'bad/rejects': { run: `() => new Promise(() => void Promise.reject(new Error('forgotten')))` },
    'bad/hangs': { run: `() => { for (;;); }` },
    'bad/nothing': { run: `() => {}` },
    'bad/empty': { outputs: 'folder: { kind: folder }', run: `() => {}` },
    'bad/undeclared': { run: `async ({ outputs }) => { await outputs.rows.write({ a: 1 }); await (await import('node:fs/promises')).writeFile(outputs.rows.path.replace('rows.jsonl', 'extra.txt'), 'x') }` },
    'bad/rows': { run: `async ({ outputs }) => (await import('node:fs/promises')).writeFile(outputs.rows.path, '{"a":1}\\n{')` },
    'good/row': { outputs: 'rows: { kind: rows }, maybe: { kind: rows, optional: true }, folder: { kind: folder, optional: true }', run: `({ outputs }) => outputs.rows.write({ a: 1 })` },
    'good/copy': { inputs: 'rows: { kind: rows }', run: `async ({ inputs, outputs }) => { for await (const r of inputs.rows) await outputs.rows.write(r) }` },
    'bad/writes-input': {
      inputs: 'rows: { kind: rows }',
      run: `async ({ inputs, outputs }) => { const fs = await import('node:fs'); fs.chmodSync(inputs.rows.path, 0o666); fs.appendFileSync(inputs.rows.path, '{"b":2}\\n'); await outputs.rows.write({ a: 1 }) }`,
    },
    'slow/save': {
      more: 'resumable: true,',
      run: `async ({ outputs, scratch, signal }) => {
        const fs = await import('node:fs'); const file = scratch + '/steps'
        let done = fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : 0
        const from = done
        for (; done < 40; fs.writeFileSync(file, String(++done))) { signal.throwIfAborted(); await new Promise(r => setTimeout(r, 50)) }
        await outputs.rows.write({ steps: done }); console.log('went on from ' + from)
      }`,
    },
    'slow/block': {
      more: 'resumable: true,',
      run: `async ({ outputs, scratch }) => {
        const fs = await import('node:fs'); const file = scratch + '/steps'
        let done = fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : 0
        console.log('went on from ' + done)
        for (; done < 40; fs.writeFileSync(file, String(++done))) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
        await outputs.rows.write({ steps: done })
      }`,
    },
    'flaky/twice': {
      more: 'resumable: true,',
      run: `async ({ outputs, scratch }) => { const fs = await import('node:fs'); const n = fs.readdirSync(scratch).length; fs.writeFileSync(scratch + '/' + n, ''); if (n < 2) throw new Error('try ' + (n + 1)); await outputs.rows.write({ n }) }`,
    },
    'flaky/clean': {
      run: `async ({ scratch }) => { const fs = await import('node:fs'); const n = fs.readdirSync(scratch).length; fs.writeFileSync(scratch + '/left', ''); throw new Error('found ' + n) }`,
    },
  },
)
const make = (stages: string) => Project.make({ 'plugin.ts': failing, 'pipeline.yaml': `plugins: [./plugin.ts]\nstages:\n${stages}` })
const failure = (ran: Ran, stage: string) => {
  const found = ran.finished[stage]?.failure
  assert.ok(found, `${stage}: ${JSON.stringify(ran.finished[stage])} ${JSON.stringify(ran.outcome)}`)
  return found!
}

test('a stage that throws, fails, exits, crashes, hangs, writes nothing or what it did not declare fails by name', async () => {
  const project = await make(`  throws: { uses: bad/throws }
  fails: { uses: bad/fails, with: { rank: 99 } }
  exits: { uses: bad/exits }
  crashes: { uses: bad/crashes }
  rejects: { uses: bad/rejects }
  hangs: { uses: bad/hangs, timeout: 400ms }
  nothing: { uses: bad/nothing }
  empty: { uses: bad/empty }
  undeclared: { uses: bad/undeclared }
  rows: { uses: bad/rows }
  fine: { uses: good/row }
  after: { uses: good/copy, inputs: { rows: throws } }
`)
  const ran = await project.run({ keepGoing: true })
  const status = statuses(ran) as Record<string, string>
  assert.equal(Object.entries(status).filter(([, s]) => s !== 'failed'), [['fine', 'ran'], ['after', 'skipped']])
  assert.is(ran.outcome.status, 'failed')
  const said = Object.fromEntries(Object.keys(status).filter(s => status[s] === 'failed').map(s => [s, `${failure(ran, s).reason}: ${failure(ran, s).message}`]))
  assert.match(said.exits!, /^crashed: ended its process with process\.exit\(3\)/)
  delete said.exits
  assert.equal(said, {
    throws: 'threw: TypeError: no such column',
    fails: 'failed: must be below the hidden size',
    crashes: 'crashed: its process was ended by SIGABRT',
    rejects: 'threw: forgotten',
    hangs: 'timeout: took longer than its timeout of 400 ms',
    nothing: 'outputs: left no row in the output "rows"',
    empty: 'outputs: left nothing in the output "folder"',
    undeclared: 'outputs: wrote "extra.txt", which is no output of the stage',
    rows: said.rows,
  })
  assert.match(said.rows!, /^outputs: the output "rows":2 is not JSON/)
  // From sources tsx puts a map of its own over that of the bundle.
  assert.match(failure(ran, 'throws').stack ?? '', /plugin\.m?[jt]s:\d+:\d+/)
  assert.equal(failure(ran, 'throws').output?.tail, 'about to')
  assert.equal([failure(ran, 'fails').diagnostic?.range?.line, failure(ran, 'fails').hint], [4, 'Try 8.'])
  assert.equal(ran.finished.after!.because, ['throws failed'])
  assert.equal(await readdir(project.path('.hone/work')), [], 'no attempt is left behind')
})

test('without --keep-going nothing starts after a failure', async () => {
  const project = await make('  throws: { uses: bad/throws }\n  fine: { uses: good/row, needs: [throws] }\n  big: { uses: good/row, resources: { cpus: 4 } }\n')
  const ran = await project.run({ jobs: 1 })
  assert.equal(statuses(ran), { throws: 'failed', fine: 'skipped', big: 'skipped' })
})

test('a throw is tried again after a pause that doubles; a resumable stage keeps its scratch, another does not', async () => {
  const project = await make('  twice: { uses: flaky/twice, retry: { attempts: 3, backoff: 20ms } }\n  clean: { uses: flaky/clean, retry: { attempts: 2, backoff: 1ms } }\n  final: { uses: bad/fails, retry: 3 }\n')
  const ran = await project.run({ keepGoing: true })
  assert.equal(statuses(ran), { twice: 'ran', clean: 'failed', final: 'failed' })
  const retries = ran.events.filter(e => e.type === 'stage-retry')
  const of = (stage: string) => retries.filter(e => e.stage === stage)
  assert.equal(of('twice').map(e => e.failure.message), ['try 1', 'try 2'])
  assert.ok(of('twice')[0]!.delayMs >= 20 && of('twice')[0]!.delayMs <= 30 && of('twice')[1]!.delayMs >= 40 && of('twice')[1]!.delayMs <= 60)
  assert.is(failure(ran, 'clean').message, 'found 0')
  assert.equal(of('final'), [])
})

test('a timeout and a pause of a month are as long as they say', async () => {
  const project = await make('  fine: { uses: good/row, timeout: 30d }\n  clean: { uses: flaky/clean, needs: [fine], retry: { attempts: 2, backoff: 30d } }\n')
  const cancel = new AbortController()
  const events: Event[] = []
  const { status } = await runPipeline({ ...project.options, cancel: cancel.signal }, [
    event => {
      events.push(event)
      if (event.type === 'stage-retry') setTimeout(() => cancel.abort(), 200)
    },
  ])
  const attempts = events.flatMap(e => (e.type === 'stage-started' ? [`${e.stage} ${e.attempt}`] : []))
  assert.equal([status, attempts], ['interrupted', ['fine 1', 'clean 1']])
})

test('without --keep-going a stage that was to be tried again says why it is not', async () => {
  const project = await make('  clean: { uses: flaky/clean, retry: { attempts: 2, backoff: 1h } }\n  after: { uses: good/row }\n  throws: { uses: bad/throws, needs: [after] }\n')
  const ran = await project.run()
  assert.equal([statuses(ran), failure(ran, 'clean').message], [{ clean: 'failed', after: 'ran', throws: 'failed' }, 'found 0'])
  assert.equal(ran.events.flatMap(e => (e.type === 'log' ? [e.message] : [])), ['is not tried again after another stage failed; --keep-going goes on'])
})

test('a stage that returns before it has read and written everything fails, however much it has written', async () => {
  const project = await Project.make({
    'plugin.ts': plugin({
      'bad/early': { inputs: 'rows: { kind: rows }', run: `async ({ inputs, outputs }) => { await outputs.rows.write({ a: 0 }); void (async () => { for await (const r of inputs.rows) await outputs.rows.write(r) })() }` },
      'good/first': { inputs: 'rows: { kind: rows }', run: `async ({ inputs, outputs }) => { for await (const r of inputs.rows) { await outputs.rows.write(r); break } }` },
      'good/rows': { run: `async ({ outputs }) => { for (let a = 0; a < 3; a++) await outputs.rows.write({ a }) }` },
    }),
    'pipeline.yaml': 'plugins: [./plugin.ts]\nstages:\n  rows: { uses: good/rows }\n  early: { uses: bad/early, inputs: { rows: rows } }\n  first: { uses: good/first, inputs: { rows: rows } }\n',
  })
  const ran = await project.run({ keepGoing: true })
  assert.equal(statuses(ran), { rows: 'ran', early: 'failed', first: 'ran' })
  const { reason, message, final } = failure(ran, 'early')
  assert.equal([reason, final], ['returned-early', true])
  assert.match(message, /^returned while it was still reading the input "rows": await the loop that reads it/)
})

test('a stage that changes its input fails by name, and the input is made anew', async () => {
  const project = await make('  rows: { uses: good/row }\n  spoils: { uses: bad/writes-input, inputs: { rows: rows } }\n  reads: { uses: good/copy, inputs: { rows: rows }, needs: [spoils] }\n')
  const ran = await project.run()
  assert.equal(statuses(ran), { rows: 'ran', spoils: 'failed', reads: 'skipped' })
  assert.is(failure(ran, 'spoils').message, 'changed what it was given to read: rows.rows')
  const again = await project.run({ stages: ['rows'] })
  assert.equal(statuses(again), { rows: 'ran' })
  assert.is(await readFile(again.finished.rows!.outputs.rows!.path, 'utf8'), '{"a":1}\n')
})

test('consuming an output that was left out is an error of the consumer', async () => {
  const project = await make('  rows: { uses: good/row }\n  copy: { uses: good/copy, inputs: { rows: rows.maybe } }\n')
  const ran = await project.run()
  assert.equal(statuses(ran), { rows: 'ran', copy: 'failed' })
  assert.match(failure(ran, 'copy').message, /^rows left no "maybe"/)
  assert.is(statuses(await project.run()) && failure(await project.run(), 'copy').final, true)
})

test('an interrupt lets a resumable stage save, and the next run goes on', async () => {
  const project = await make('  slow: { uses: slow/save }\n  after: { uses: good/copy, inputs: { rows: slow } }\n')
  const cancel = new AbortController()
  const running = project.run({ cancel: cancel.signal })
  await steps(project, 5)
  cancel.abort()
  const ran = await running
  assert.is(ran.outcome.status, 'interrupted')
  assert.equal(statuses(ran), { slow: 'cancelled', after: 'cancelled' })
  const next = await project.run()
  assert.equal(statuses(next), { slow: 'ran', after: 'ran' })
  assert.match(await readFile(`${(next.outcome as { runDir: string }).runDir}/slow.log`, 'utf8'), /^went on from [1-9]/)
})

for (const [uses, how] of [['slow/save', ''], ['slow/block', ', also where native code keeps them busy']] as const) test(`after kill -9 of the whole program its stages end${how}, and the next run goes on from what they saved`, async () => {
  const project = await make(`  slow: { uses: ${uses} }\n`)
  const script = project.path('main.mts')
  await writeFile(script, `import { runPipeline } from ${JSON.stringify(new URL('../src/run.ts', import.meta.url).href)}\nawait runPipeline({ file: ${JSON.stringify(project.path('pipeline.yaml'))}, builtIn: [] })\n`)
  const main = spawn(process.execPath, [...process.execArgv, script], { cwd: fileURLToPath(new URL('../../..', import.meta.url)), stdio: 'ignore' })
  await steps(project, 5)
  main.kill('SIGKILL')
  await sleep(900)
  const saved = await steps(project, 1)
  await sleep(300)
  assert.is(await steps(project, 1), saved, 'the child did not outlive its parent')
  const next = await project.run()
  assert.equal(statuses(next), { slow: 'ran' })
  assert.is(await readFile(`${(next.outcome as { runDir: string }).runDir}/slow.log`, 'utf8'), `went on from ${saved}\n`)
})

test('two runs at once make a thing once', async () => {
  const project = await make('  slow: { uses: slow/save }\n')
  const [a, b] = await Promise.all([project.run(), sleep(1000).then(() => project.run())])
  assert.equal([statuses(a!), statuses(b!)], [{ slow: 'ran' }, { slow: 'hit' }])
  assert.ok(b!.events.some((e: Event) => e.type === 'stage-waiting') || !b!.events.some((e: Event) => e.type === 'stage-started'))
})

/** Waits until the slow stage has done so many steps; answers how many. */
async function steps(project: Project, least: number): Promise<number> {
  for (let i = 0; i < 1200; i++) {
    const [key] = await readdir(project.path('.hone/work')).catch(() => [])
    const text = key === undefined ? '' : await readFile(project.path(`.hone/work/${key}/scratch/steps`), 'utf8').catch(() => '')
    if (Number(text) >= least) return Number(text)
    await sleep(25)
  }
  throw new Error('the stage did not start')
}

test.run()
