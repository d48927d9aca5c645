// What examples/engine-tour/ shows, looked at through its events.
import { readFileSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, shell, type Ended } from './rig.js'
import { root } from './sources.js'

const test = suite('a tour of the engine')
const project = Project.make()
project.copyIn(join(root, 'examples/engine-tour'), '.')
let first: Ended

test('hone plan says what it will do before anything ran', async () => {
  const { stages } = (await project.hone('plan', 'pipeline.yaml', '--json')).json
  assert.equal(Object.fromEntries(Object.entries(stages).map(([name, s]) => [name, (s as { action: string }).action])), {
    measures: 'run', sorted: 'run', 'warm[least=18]': 'run', 'warm[least=19]': 'run', 'warm[least=20]': 'run', counted: 'run',
    report: 'skip', unsteady: 'run', hangs: 'skip', after_hangs: 'skip',
  })
  assert.equal(stages.measures.reasons, ['no record yet'])
  assert.equal(stages.report.reasons, ['`when` is false'])
  assert.equal(stages.after_hangs.reasons, ['hangs is skipped'])
})

test('no stage starts before what it needs, in whatever order they stand', async () => {
  first = await project.run()
  assert.is(first.code, 0, first.stderr)
  const done = new Set<string>()
  const needs = new Map(first.of('run-started')[0]!.stages.map(s => [s.stage, s.needs]))
  for (const event of first.events) {
    if (event.type === 'stage-finished') done.add(event.stage)
    if (event.type === 'stage-started') for (const need of needs.get(event.stage)!) assert.ok(done.has(need), `${event.stage} after ${need}`)
  }
})

for (const [what, resources, args, most] of [
  ['--jobs says', '{ cpus: 0.1 }', ['--jobs', '2'], 2],
  ['there are cores for', `{ cpus: ${availableParallelism()} }`, [], 1],
  ['there is memory for', '{ cpus: 0.1, memory: 100TiB }', [], 1],
] as const) test(`no more stages run at once than ${what}`, async () => {
  const limits = Project.make({
    'pipeline.yaml': `stages:\n  turn: ${shell('echo + >> turns; sleep 0.2; echo - >> turns; echo "{\\"n\\":${{ matrix.n }}}" > "$HONE_OUTPUT_TO"', `matrix: { n: [1, 2, 3, 4] }, resources: ${resources}`)}\n`,
  })
  assert.is((await limits.run(...args)).code, 0)
  let [now, seen] = [0, 0]
  for (const turn of limits.read('turns').trim().split('\n')) seen = Math.max(seen, (now += turn === '+' ? 1 : -1))
  assert.equal([seen, now], [most, 0])
})

test('a retry waits twice as long each time, and an attempt finds the scratch of the one before', () => {
  const retries = first.of('stage-retry')
  assert.equal(retries.map(r => [r.stage, r.attempt, r.failure.reason, r.failure.message]), [1, 2].map(n => ['unsteady', n, 'threw', 'the command ended with exit code 1']))
  const [a, b] = retries.map(r => r.delayMs)
  assert.ok(a! >= 100 && a! <= 150 && b! >= 200 && b! <= 300, `${a}, ${b}`)
  assert.equal(first.of('stage-started').filter(e => e.stage === 'unsteady').map(e => e.attempt), [1, 2, 3])
})

test('the order of the lines reruns two stages and stops where bytes come out equal', async () => {
  const [head, ...lines] = project.read('measures.csv').trimEnd().split('\n')
  project.write({ 'measures.csv': `${[head, ...lines.reverse()].join('\n')}\n` })
  const { stages } = (await project.hone('plan', 'pipeline.yaml', '--json')).json
  assert.equal(['measures', 'sorted', 'warm[least=20]', 'counted', 'unsteady'].map(name => stages[name].action), ['run', 'undetermined', 'undetermined', 'undetermined', 'hit'])
  assert.equal(stages.measures.reasons, ['files file: .csv changed'])
  assert.equal(stages.sorted.reasons, ['input measures: upstream `measures` will run'])
  const ran = await project.run()
  assert.equal(ran.of('stage-started').map(e => e.stage), ['measures', 'sorted'])
  assert.is(ran.statuses.counted, 'hit')
  assert.equal(ran.finished('sorted').outputs, first.finished('sorted').outputs)
})

test('one changed row runs what it reaches, and no more', async () => {
  project.edit('measures.csv', 'north,18.5', 'north,18.75')
  const ran = await project.run()
  assert.equal(ran.of('stage-started').map(e => e.stage).sort(), ['counted', 'measures', 'sorted', 'warm[least=18]', 'warm[least=19]', 'warm[least=20]'])
  assert.equal(ran.finished('sorted').because, ['input measures changed'])
  // North is below 19 and 20 still: these two lists are what they were, and only the first counts as changed.
  assert.equal(ran.finished('counted').because, ['input lists: least=18 changed'])
})

test('a timeout ends a command with all that it started; what does not depend on it goes on', async () => {
  const ran = await project.run('--set', 'hang=true', '--set', 'report=true', '--keep-going')
  assert.is(ran.code, 1)
  const { failure, durationMs } = ran.finished('hangs')
  assert.equal(failure, { reason: 'timeout', message: 'took longer than its timeout of 1 s', hint: 'Raise "timeout" of the stage.', final: false })
  assert.ok(durationMs >= 2000 && durationMs < 30_000, `${durationMs} ms`)
  assert.equal(ran.of('stage-retry').map(e => e.stage), ['hangs'])
  assert.equal([ran.statuses.report, ran.statuses.after_hangs, ran.finished('after_hangs').because], ['ran', 'skipped', ['hangs failed']])
  if (process.platform !== 'linux') return
  const sleeping = readdirSync('/proc').filter(pid => /^\d+$/.test(pid)).filter(pid => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === ['sleep', '600', ''].join('\0') && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(project.root)
    } catch {
      return false
    }
  })
  assert.equal(sleeping, [])
})

test('without --keep-going a failure lets nothing else start', async () => {
  const ran = await project.run('--set', 'hang=true', '--set', 'report=true', '--force=hangs', '--force=report', '--jobs', '1')
  assert.is(ran.code, 1)
  assert.is(ran.statuses.hangs, 'failed')
  assert.is(ran.statuses.after_hangs, 'skipped')
  assert.is(ran.of('stage-started').length, ran.statuses.report === 'ran' ? 3 : 2)
})

test.run()
