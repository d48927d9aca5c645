// How a run looks in a real terminal, while it goes on and at its end.
import { readdirSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, program, shell, until } from './rig.js'
import { hasPseudoTerminals, TerminalScreen } from './terminal-screen.js'

const test = suite('a run in a terminal')

const plugin = `import { definePlugin, defineStage, params } from 'hone-engine'
const slow = defineStage({ id: 'demo/slow', version: 1, summary: 'Takes its time.', determinism: 'bytes', inputs: {}, outputs: {},
  params: params({ type: 'object', properties: { unit: { type: 'string' }, total: { type: 'integer' }, failAt: { type: 'integer' } }, required: ['unit', 'total'] }),
  run: async () => ({ default: async ({ params, progress, metric, sample, log, fail, signal }) => {
    for (let i = 0; i <= 40; i++) {
      progress(Math.round((i * params.total) / 40), params.total, params.unit)
      metric('loss', 3 / (1 + i), i)
      if (i % 5 === 0) sample({ step: i, prompt: 'これは何ですか、CSSのプロパティ、値、セレクタ、HTML要素または属性のどれですか?', reference: 'プロパティ', prediction: 'HTML要素のなかの一つであると思います' })
      if (i === params.failAt) { log('the last that it said'); fail('row 17 has no answer') }
      await new Promise(done => setTimeout(done, 100))
      signal.throwIfAborted()
    }
  } }) })
export default definePlugin({ name: 'slow', api: 1, stages: [slow] })
`
const project = Project.make({
  'slow.ts': plugin,
  'pipeline.yaml': `plugins: [./slow.ts]
defaults: { resources: { cpus: 0.1 } }
stages:
  download-of-something-long: { uses: demo/slow, with: { unit: bytes, total: 734003200 } }
  tuned: { uses: demo/slow, matrix: { rank: [8] }, with: { unit: steps, total: 690 } }
`,
  'failing.yaml': `plugins: [./slow.ts]
stages:
  tuned: { uses: demo/slow, matrix: { rank: [8] }, with: { unit: steps, total: 690, failAt: 4 } }
`,
})
const run = (columns: number, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  new TerminalScreen([process.execPath, ...program, 'run', ...args], { columns, rows: 24, cwd: project.root, env })

const skipped = (name: string) => {
  if (hasPseudoTerminals) return false
  console.log(`SKIP ${name}: there is no script of util-linux to make a pseudo-terminal`)
  return true
}

for (const [columns, download, tuned] of [
  [40, /^● download-of-… {2}\d+% .*left$/, /^● tuned\[rank=8\] {2}\d+% .*left$/],
  [80, /^● download-of-something-long {2}.*\d+ MiB\/700 MiB .*MiB\/s {2}\d+ s left/, /^● tuned\[rank=8\] {15}.*\d+\/690 steps .*\/s {2}\d+ s left/],
  [200, /^● download-of-something-long {2}demo\/slow +[━╌]{20} {2}\d+ MiB\/700 MiB {2}\d+ MiB\/s {2}\d+ s left {2}loss/, /^● tuned\[rank=8\] {15}demo\/slow +[━╌]{20} {2}\d+\/690 steps .*loss \S+ [▁-█]+$/],
] as const) {
  const name = `at ${columns} columns it shows how far each stage is, on lines of their own, and leaves the summary alone`
  test(name, async () => {
    if (skipped(name)) return
    const screen = run(columns, ['pipeline.yaml', '--force'])
    await until('both stages tell how far they are', () => screen.lines.some(l => download.test(l)) && screen.lines.some(l => tuned.test(l)))
    // Japanese takes two columns a letter: the question is cut by what it takes, and the answer stands right below it.
    await until('the question is shown', () => screen.lines.some((line, i) => line.startsWith('  step') && screen.lines[i + 1]?.startsWith('  now: HTML要素') === true))
    assert.equal(screen.broken, [])
    assert.is(await screen.ended, 0)
    assert.equal(screen.broken, [])
    const left = screen.lines.filter(line => line !== '')
    assert.is(left.length, 3, left.join('\n'))
    assert.match(left[2]!, /^succeeded: 2 ran in /)
    assert.ok(screen.written.includes('\x1b[32m'), 'in colours')
  })
}

test('Ctrl-C says what it does, and its words stay on the screen', async () => {
  if (skipped('Ctrl-C says what it does, and its words stay on the screen')) return
  const screen = run(80, ['pipeline.yaml', '--force'])
  await until('a stage runs', () => screen.lines.some(line => line.includes('690 steps')))
  screen.type('\x03')
  assert.is(await screen.ended, 130)
  const left = screen.lines.filter(line => line !== '')
  assert.match(left[0]!.replace('^C', ''), /^Stopping: what runs saves its state\. Once more ends it at once\.$/)
  assert.match(left.at(-1)!, /^next: hone run pipeline\.yaml {3}goes on where it stopped$/)
  assert.is(left.length, 5, left.join('\n'))
})

test('where the terminal is closed the stages save, and the run comes to its end', async () => {
  if (skipped('where the terminal is closed the stages save, and the run comes to its end')) return
  const runs = () => (project.has('.hone/runs') ? readdirSync(project.path('.hone/runs')) : [])
  const before = new Set(runs())
  const screen = run(80, ['pipeline.yaml', '--force'])
  await until('a stage runs', () => screen.lines.some(line => line.includes('690 steps')))
  screen.close()
  const log = () => project.read(`.hone/runs/${runs().find(id => !before.has(id))!}/events.jsonl`).trimEnd().split('\n').map(line => JSON.parse(line) as { type: string; status?: string })
  await until('the run has ended', () => log().at(-1)?.type === 'run-finished')
  assert.is(log().at(-1)!.status, 'interrupted')
})

test('a plan and a graph are cut to a narrow terminal, and whole in a pipe', async () => {
  if (skipped('a plan and a graph are cut to a narrow terminal, and whole in a pipe')) return
  const wide = Project.make({ 'pipeline.yaml': `stages:\n  download-of-something-long: ${shell('true')}\n  what-comes-after-it: ${shell('true', '', 'download-of-something-long: download-of-something-long.to')}\n` })
  for (const args of [['plan', 'pipeline.yaml'], ['graph', 'pipeline.yaml'], ['run', 'pipeline.yaml', '--dry-run']]) {
    const screen = new TerminalScreen([process.execPath, ...program, ...args], { columns: 40, rows: 24, cwd: wide.root, env: {} })
    assert.is(await screen.ended, 0)
    assert.equal(screen.broken, [], args.join(' '))
    assert.ok(screen.lines.some(line => line.includes('…')), screen.lines.join('\n'))
    const { stdout } = await wide.hone(...args)
    assert.ok(!stdout.includes('…') && stdout.split('\n').some(line => line.length > 40), stdout)
  }
})

test('NO_COLOR draws the same without colours', async () => {
  if (skipped('NO_COLOR draws the same without colours')) return
  const screen = run(80, ['failing.yaml'], { NO_COLOR: '1' })
  await until('the stage tells how far it is', () => screen.lines.some(line => line.startsWith('● tuned')))
  assert.is(await screen.ended, 1)
  assert.equal(screen.written.split('\x1b[').slice(1).filter(after => /^[\d;]*m/.test(after)), [])
  const left = screen.lines.join('\n')
  assert.match(left, /\nfailed: tuned\[rank=8\] \(demo\/slow\): row 17 has no answer\n {2}\| the last that it said\n {2}all of it: \.hone\/runs\/\S+\.log\n/)
  assert.match(left, /\nnext: hone show \S+ 'tuned\[rank=8\]' --log$/)
})

test('in CI and on a dumb terminal it is lines, which nothing goes back over', async () => {
  if (skipped('in CI and on a dumb terminal it is lines, which nothing goes back over')) return
  for (const env of [{ CI: 'true' }, { TERM: 'dumb' }] as const) {
    const screen = run(80, ['failing.yaml'], env)
    assert.is(await screen.ended, 1)
    assert.equal(screen.written.split('\x1b[').slice(1).filter(after => /^\d*[A-KST]/.test(after)), [], 'no movement of the cursor')
    assert.is(screen.lines[0], 'tuned[rank=8]: demo/slow starts: no record yet')
  }
})

test.run()
