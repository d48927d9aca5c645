import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { progressLine, stageProgress } from '../../src/terminal/stage-progress.js'
import { beginMs, progress, started, stateAfter } from './run-state.js'

const test = suite('how far a stage is')
const at = (seconds: number) => beginMs + seconds * 1000
const only = (events: Parameters<typeof stateAfter>[1]) => stateAfter([['a', 'x/y']], [[0, started('a')], ...events]).stages.get('a')!
const losses = [3, 2, 1.5, 1.2, 1.1].map((value, step) => [10, { type: 'metric', stage: 'a', name: 'loss', value, step }] as const)

test('steps, rows and bytes each have their amount, rate and time left', () => {
  const told = (unit: string, total: number | undefined, per: number) => progressLine(only([[0, progress('a', 0, total, unit)], [10, progress('a', 10 * per, total, unit)]]), at(10))
  assert.is(told('steps', 690, 10), '100/690 steps (14%), 10/s, 59 s left')
  assert.is(told('rows', undefined, 2712.4), '27124 rows, 2700/s')
  assert.is(told('bytes', 700 * 2 ** 20, 30 * 2 ** 20), '300 MiB/700 MiB (42%), 30 MiB/s, 13 s left')
  assert.is(told('bytes', undefined, 1500), '15 KiB, 1.5 KiB/s')
  assert.is(told('texts', 9, 0.05), '0.5/9 texts (5%), 20 s each, 2 min 50 s left')
})

test('no rate is told of the first half second, nor of what did not move', () => {
  assert.is(progressLine(only([[0, progress('a', 0, 100, 'rows')], [0.4, progress('a', 50, 100, 'rows')]]), at(0.4)), '50/100 rows (50%)')
  assert.is(progressLine(only([[0, progress('a', 7, 100, 'rows')], [9, progress('a', 7, 100, 'rows')]]), at(9)), '7/100 rows (7%)')
})

test('what a resumed stage had done before is in the share and not in the rate', () => {
  assert.is(progressLine(only([[0, progress('a', 600, 1000, 'steps')], [10, progress('a', 700, 1000, 'steps')]]), at(10)), '700/1000 steps (70%), 10/s, 30 s left')
})

test('another phase or unit begins anew', () => {
  assert.is(progressLine(only([[0, progress('a', 0, undefined, 'rows', 'counting words')], [10, progress('a', 900, undefined, 'rows', 'counting words')], [11, progress('a', 0, 50, 'tokens', 'merging')], [12, progress('a', 5, 50, 'tokens', 'merging')]]), at(12)), 'merging 5/50 tokens (10%), 5/s, 9 s left')
})

test('the rate is that of late: what grows ten times slower is told so within a minute', () => {
  const fast = Array.from({ length: 61 }, (_, s) => [s, progress('a', s * 100, 100_000, 'rows')] as const)
  const slow = Array.from({ length: 61 }, (_, s) => [61 + s, progress('a', 6000 + s * 10, 100_000, 'rows')] as const)
  assert.match(progressLine(only(fast), at(60)), /, 100\/s,/)
  assert.match(progressLine(only([...fast, ...slow]), at(121)), /, 10\/s,/)
})

test('between two reports the time left runs down, and when none comes for long it says so in place of a promise', () => {
  const stage = only([[0, progress('a', 0, 100, 'steps')], [10, progress('a', 10, 100, 'steps')]])
  assert.match(progressLine(stage, at(15)), /1\/s, 1 min 25 s left$/)
  assert.is(progressLine(stage, at(80)), '10/100 steps (10%), nothing new for 1 min 10 s')
  const slow = only([[0, progress('a', 0, 10, 'steps')], [60, progress('a', 1, 10, 'steps')]])
  assert.match(progressLine(slow, at(120)), /left$/, 'each takes a minute: a minute is not long')
  assert.match(progressLine(slow, at(260)), /nothing new for 3 min 20 s$/)
})

test('a stage that reports nothing tells how long it runs', () => {
  assert.is(progressLine(only([]), at(75)), 'running for 1 min 15 s')
})

test('a narrow line keeps the time left and the share, a wide one gets a bar, the loss and its curve', () => {
  const stage = only([[0, progress('a', 0, 6900, 'steps')], ...losses, [10, progress('a', 2300, 6900, 'steps')]])
  const line = (width: number) => stageProgress(stage, width, at(10))
  assert.is(line(14), '33%  20 s left')
  assert.is(line(21), '33%  230/s  20 s left')
  assert.is(line(36), '2300/6900 steps  230/s  20 s left')
  assert.is(line(50), '2300/6900 steps  230/s  20 s left  loss 1.1 █▄▂▁')
  assert.is(line(120), '━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌  2300/6900 steps  230/s  20 s left  loss 1.1 █▄▂▁▁')
  for (let width = 8; width < 140; width++) assert.ok(line(width).length <= width, `${width}: ${line(width)}`)
})

test.run()
