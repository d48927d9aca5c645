import pc from 'picocolors'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runSummary, shownMetrics } from '../../src/terminal/summary.js'
import { finished, started, stateAfter } from './run-state.js'

const test = suite('the end of a run')
const plain = pc.createColors(false)
const tail = Array.from({ length: 20 }, (_, i) => `line ${i}`).join('\n')
const ended = { type: 'run-finished', status: 'failed', stages: {}, durationMs: 61_000 } as const
const fails = (stage: string, more: object = {}) => [[1, started(stage)], [2, finished(stage, 'failed', { failure: { reason: 'failed', message: 'it broke', final: true, ...more } })]] as const
const summary = (state: ReturnType<typeof stateAfter>, width = Infinity) => runSummary(state, { palette: plain, cwd: '/p', asTyped: text => text.replace('hone ', './hone '), file: 'my pipeline.yaml', width })

const mixed = stateAfter(
  [['download-of-something-long', 'ingest/http'], ['tuned[rank=8]', 'tune/lora'], ['evaluated-with-everything', 'evaluate/qa'], ['skipped', 'x/y']],
  [
    [0, finished('download-of-something-long', 'hit')],
    [1, finished('tuned[rank=8]', 'ran', { metrics: { loss: 1.23456, tokens: 61228 } })],
    [2, finished('evaluated-with-everything', 'ran', { metrics: { exact_match: 0.31, exact_match_stderr: 0.01, f1: 0.5, exact_match_normalized: 0.4, 'kind/f1': 1 } })],
    [3, finished('skipped', 'skipped', { because: ['`when` is false'] })],
    [3, { ...ended, status: 'succeeded' }],
  ],
)

test('a wide terminal has it all in one table', () => {
  assert.is(
    summary(mixed, 140),
    `
download-of-something-long  ingest/http  hit
tuned[rank=8]               tune/lora    ran      1.5 s  loss 1.235, tokens 61228
evaluated-with-everything   evaluate/qa  ran      1.5 s  exact_match 0.31, exact_match_normalized 0.4, f1 0.5
skipped                     x/y          skipped         \`when\` is false

succeeded: 2 ran, 1 hit, 1 skipped in 1 min 01 s
`,
  )
})

test('a narrow one loses what each stage is, then the ends of names, and breaks no line', () => {
  assert.is(summary(mixed, 70).split('\n')[2], 'tuned[rank=8]               ran      1.5 s  loss 1.235, tokens 61228')
  assert.equal(summary(mixed, 40).split('\n').slice(1, 5), ['download-…  hit', 'tuned[ran…  ran      1.5 s  loss 1.235,…', 'evaluated…  ran      1.5 s  exact_match…', 'skipped     skipped         `when` is f…'])
  for (let width = 40; width < 140; width++) for (const line of summary(mixed, width).split('\n').slice(1, 5)) assert.ok(line.length <= width, `${width}: ${line}`)
})

test('what was measured comes before what only counts the work', () => {
  assert.equal(shownMetrics({ steps: 3, supervised_tokens: 10, tokens: 20, train_loss: 1.5, trained_parameters: 8 }, 3), [['train_loss', 1.5], ['steps', 3], ['supervised_tokens', 10]])
})

test('a failure shows the last lines of its output, where all of it is, and what to type next', () => {
  const state = stateAfter([['bad', 'command/shell']], [...fails('bad', { hint: 'Mend it.', output: { tail, file: '/p/.hone/runs/r1/bad.log' } }), [3, ended]])
  assert.is(
    summary(state),
    `
failed: bad (command/shell): it broke
${Array.from({ length: 12 }, (_, i) => `  | line ${i + 8}\n`).join('')}  all of it: .hone/runs/r1/bad.log
  hint: Mend it.

bad  command/shell  failed  1.5 s

failed: 1 failed in 1 min 01 s

next: ./hone show r1 bad --log
`,
  )
})

test('what to type next is quoted for a shell, is told of three stages at the most, and shows no log where there is none', () => {
  const output = { tail: 'x', file: '/p/x.log' }
  const names = ['t[rank=8]', 'b', 'c', 'd']
  const many = stateAfter(names.map(name => [name, 'x/y']), [...names.flatMap(name => fails(name, { output })), [3, ended]])
  assert.equal(summary(many).trimEnd().split('\n').slice(-3), ["next: ./hone show r1 't[rank=8]' --log", 'next: ./hone show r1 b --log', 'next: ./hone show r1 c --log'])
  const mute = stateAfter([['a', 'x/y']], [...fails('a'), [3, ended]])
  assert.is(summary(mute).trimEnd().split('\n').at(-1), "next: ./hone run 'my pipeline.yaml'   once that is mended; what is done is kept")
})

test('what to type next has the parameters that were given, and nothing that would make anew what is done', () => {
  const next = (...args: string[]) => summary(stateAfter([['a', 'x/y']], [[1, finished('a', 'cancelled')], [2, { ...ended, status: 'interrupted' }]], args)).trimEnd().split('\n').at(-1)
  assert.is(next('run', 'p.yaml', '--set', 'rate=0.1', '-s', 'name=a b', '--params', 'more.yaml', '-k'), "next: ./hone run p.yaml --set rate=0.1 -s 'name=a b' --params more.yaml -k   goes on where it stopped")
  assert.is(next('run', 'p.yaml', 'a', '--force', '--force=b', '--from', 'c', '--from=d', '--refresh', 'e', '--only', 'f'), 'next: ./hone run p.yaml a --only f   goes on where it stopped')
})

test.run()
