// What becomes of a run that is stopped, killed, or not alone.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, shell, until, type Running } from './rig.js'

const test = suite('interrupts')

/** Counts to `last` in its scratch, a step each 50 ms, each whole or not at all, and goes on from there when it is started again. At 20 it waits for the file `go`, so that what a test does meanwhile may take its time. */
const counting = (last: number, more = '') =>
  shell(`n=$(cat "$HONE_SCRATCH/n" 2>/dev/null || echo 0); echo "from $n"; while [ $n -lt ${last} ]; do n=$((n+1)); echo $n > "$HONE_SCRATCH/next"; mv "$HONE_SCRATCH/next" "$HONE_SCRATCH/n"; until [ $n -ne 20 ] || [ -e go ]; do sleep 0.05; done; sleep 0.05; done; echo "{\\"n\\":$n}" > "$HONE_OUTPUT_TO"`, more)

const make = (more = '') =>
  Project.make({
    'pipeline.yaml': `stages:
  quick: ${shell('echo "{}" > "$HONE_OUTPUT_TO"')}
  slow: ${counting(60, more)}
  after: ${shell('cp "$HONE_INPUT_SLOW" "$HONE_OUTPUT_TO"; cat "$HONE_INPUT_QUICK" >> "$HONE_OUTPUT_TO"', '', 'slow: slow, quick: quick')}
`,
  })

/** How far the slow stage has come, by its scratch. */
function steps(project: Project): number {
  try {
    const [key] = readdirSync(project.path('.hone/work')).flatMap(key => {
      const n = Number(readFileSync(project.path('.hone/work', key, 'scratch/n'), 'utf8'))
      return n > 0 ? [n] : []
    })
    return key ?? 0
  } catch {
    return 0
  }
}

/** What has ended and waits to be asked after does not run. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !existsSync(`/proc/${pid}/stat`) || !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

const atStep = (project: Project, running: Running, n: number) => running.until(`step ${n}`, () => steps(project) >= n && running.stdout.includes('"stage":"quick","uses":"command/shell","status":"ran"'))

test('Ctrl-C ends a run with 130: what is done is kept, what runs may save, and the next run goes on', async () => {
  const project = make()
  const running = project.start(['run', 'pipeline.yaml', '--json'])
  await atStep(project, running, 5)
  running.kill('SIGINT')
  const ended = await running.ended
  assert.is(ended.code, 130)
  assert.equal(ended.statuses, { quick: 'ran', slow: 'cancelled', after: 'cancelled' })
  assert.is(ended.of('run-finished')[0]!.status, 'interrupted')
  assert.is(ended.stderr, 'Stopping: what runs saves its state. Once more ends it at once.\n')
  const saved = steps(project)
  assert.ok(saved >= 5 && saved < 60)
  assert.equal((await project.hone('runs', '--json')).json.runs.map((r: { status: string }) => r.status), ['interrupted'])

  project.write({ go: '' })
  const next = await project.run()
  assert.equal(next.statuses, { quick: 'hit', slow: 'ran', after: 'ran' })
  assert.is(next.of('output')[0]!.text, `from ${saved}\n`)
  assert.is(readFileSync(next.finished('after').outputs.to!.path, 'utf8'), '{"n":60}\n{}\n')
  assert.is(steps(project), 0, 'the scratch goes with success')
})

test('the end of a run that was interrupted says how to go on', async () => {
  const project = make()
  const running = project.start(['run', 'pipeline.yaml'])
  await running.until('a step', () => steps(project) >= 1)
  running.kill('SIGTERM')
  const { code, stdout } = await running.ended
  assert.is(code, 130)
  assert.match(stdout, /\ninterrupted: .*2 cancelled in .*\n\nnext: hone run pipeline\.yaml {3}goes on where it stopped\n$/)
})

test('the second Ctrl-C ends at once what will not stop', async () => {
  const project = Project.make({ 'pipeline.yaml': `stages:\n  deaf: ${shell('trap "" INT TERM; echo ready > ready; while true; do sleep 0.1; done; echo "{}" > "$HONE_OUTPUT_TO"')}\n` })
  const running = project.start(['run', 'pipeline.yaml', '--json'])
  await running.until('the command is deaf', () => project.has('ready'))
  running.kill('SIGINT')
  await running.until('it stops', () => running.stderr.includes('Stopping'))
  const second = performance.now()
  running.kill('SIGINT')
  const ended = await running.ended
  assert.equal([ended.code, ended.statuses], [130, { deaf: 'cancelled' }])
  assert.ok(performance.now() - second < 8000, 'sooner than the ten seconds it would be given')
})

test('after kill -9 the stages end too; nothing has to be unlocked, and the next run goes on', async () => {
  const project = make()
  const running = project.start(['run', 'pipeline.yaml', '--json'])
  await atStep(project, running, 5)
  running.kill('SIGKILL')
  assert.is((await running.ended).signal, 'SIGKILL')
  // The child notices that its parent is gone.
  let saved = -1
  await until('the command ends', () => {
    const now = steps(project)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400)
    saved = steps(project)
    return now === saved
  })
  assert.ok(saved >= 5 && saved < 60, `${saved} steps`)
  assert.is((await project.hone('runs', '--json')).json.runs[0].status, 'unfinished')
  project.write({ go: '' })
  const next = await project.run()
  assert.equal(next.statuses, { quick: 'hit', slow: 'ran', after: 'ran' })
  assert.is(next.of('output')[0]!.text, `from ${saved}\n`)
  assert.is((await project.hone('cache', 'verify')).code, 0)
})

test('what a killed run left behind is ended before the next one goes on in its scratch', async () => {
  // It never lets go of its thread, so that only the look of another thread, each half second, tells it that its run is gone.
  const project = Project.make({
    'plugin.js': `import { defineStage, definePlugin, params } from 'hone-engine'
import { rows } from 'hone-plugins'
export default definePlugin({ name: 'busy', api: 1, stages: [defineStage({
  id: 'test/busy', version: 1, summary: 'For a test.', params: params({ type: 'object' }), inputs: {}, outputs: { rows: { kind: rows } }, determinism: 'bytes', resumable: true, run: () => import('./busy.run.js'),
})] })
`,
    'busy.run.js': `import { appendFileSync, existsSync } from 'node:fs'
export default async function run({ outputs, projectRoot }) {
  for (let step = 0; step < 3000 && !existsSync(projectRoot + '/enough'); step++) {
    appendFileSync(projectRoot + '/steps', process.pid + '\\n')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
  }
  await outputs.rows.write({ done: true })
}
`,
    'pipeline.yaml': 'plugins: [./plugin.js]\nstages: { busy: { uses: test/busy } }\n',
  })
  const pids = () => (project.has('steps') ? project.read('steps').split('\n').slice(0, -1).map(Number) : [])
  const first = project.start(['run', 'pipeline.yaml', '--json'])
  await first.until('it writes', () => pids().length > 5)
  const [orphan] = pids()
  // Held, it is there when the next run begins, however long that takes.
  process.kill(orphan!, 'SIGSTOP')
  first.kill('SIGKILL')
  await first.ended
  const second = project.start(['run', 'pipeline.yaml', '--json'])
  await second.until('the next one writes', () => pids().at(-1) !== orphan)
  const isThere = isRunning(orphan!)
  if (isThere) process.kill(orphan!, 'SIGKILL')
  project.write({ enough: '' })
  assert.equal((await second.ended).statuses, { busy: 'ran' })
  assert.not.ok(isThere, 'it could still have written')
})

test('of two runs at once one makes a thing, the other says for whom it waits and takes it', async () => {
  const project = make()
  const one = project.start(['run', 'pipeline.yaml', '--json'])
  await atStep(project, one, 1)
  const other = project.start(['run', 'pipeline.yaml', '--json'])
  await other.until('it waits', () => other.stdout.includes('"stage-waiting"'))
  project.write({ go: '' })
  const [first, two] = await Promise.all([one.ended, other.ended])
  assert.equal([first.code, two.code], [0, 0])
  assert.equal(first.statuses, { quick: 'ran', slow: 'ran', after: 'ran' })
  assert.equal([two.statuses.quick, two.statuses.slow], ['hit', 'hit'])
  assert.match(two.of('stage-waiting')[0]!.for, /^process \d+ on .*, which makes the same since /)
  assert.is(two.finished('slow').because[0], 'made meanwhile by another process')
  assert.equal(two.finished('slow').outputs, first.finished('slow').outputs)
  assert.equal(two.finished('after').outputs, first.finished('after').outputs)
})

test('a run that waits for another goes on itself when the other is killed', async () => {
  const project = make()
  const one = project.start(['run', 'pipeline.yaml', '--json'])
  await atStep(project, one, 3)
  const two = project.start(['run', 'pipeline.yaml', '--json'])
  await two.until('it waits', () => two.stdout.includes('"stage-waiting"'))
  one.kill('SIGKILL')
  project.write({ go: '' })
  const ended = await two.ended
  assert.equal([ended.code, ended.statuses], [0, { quick: 'hit', slow: 'ran', after: 'ran' }])
  assert.is(readFileSync(ended.finished('slow').outputs.to!.path, 'utf8'), '{"n":60}\n')
})

test.run()
