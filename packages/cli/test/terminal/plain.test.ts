import { emptyState, type Event } from 'hone-engine'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { plainDisplay } from '../../src/terminal/plain.js'
import { beginMs, finished, progress, started } from './run-state.js'

const test = suite('the lines of a run in a log')

/** What is printed, each line after the second at which it was. */
function linesOf(untilSecond: number, events: readonly (readonly [second: number, event: object])[]): string[] {
  const lines: string[] = []
  let second = 0
  const display = plainDisplay(line => lines.push(...line.split('\n').map(l => `${second} ${l}`)), () => beginMs + second * 1000, emptyState())
  for (second = 0; second <= untilSecond; second++) {
    for (const [at, event] of events) if (at === second) display.event({ at: new Date(beginMs + second * 1000).toISOString(), run: 'r1', ...event } as Event)
    display.tick()
  }
  display.stop()
  return lines
}

test('a stage that runs long says so every so often, more seldom the longer it runs, and also where it reports nothing', () => {
  const lines = linesOf(900, [[0, started('silent')], [900, finished('silent', 'ran')]])
  assert.is(lines[0], '0 silent: x/y starts')
  assert.equal(lines.slice(1, 9), ['10 silent: running for 10 s', '20 silent: running for 20 s', '30 silent: running for 30 s', '40 silent: running for 40 s', '50 silent: running for 50 s', '80 silent: running for 1 min 20 s', '110 silent: running for 1 min 50 s', '140 silent: running for 2 min 20 s'])
  assert.equal(lines.slice(-3), ['830 silent: running for 13 min', '890 silent: running for 14 min', '900 silent: ran in 1.5 s'])
  assert.is(lines.length, 30)
})

test('a thousand reports are a line each pause, with amount, share, rate and time left', () => {
  const lines = linesOf(30, [[0, started('tuned')], ...Array.from({ length: 30 }, (_, s) => [s, progress('tuned', s * 23, 6900, 'steps')] as const), [30, finished('tuned', 'ran')]])
  assert.equal(lines, ['0 tuned: x/y starts', '10 tuned: 230/6900 steps (3%), 23/s, 4 min 50 s left', '20 tuned: 460/6900 steps (6%), 23/s, 4 min 40 s left', '30 tuned: ran in 1.5 s'])
})

test('what ended, waits to be tried again or was interrupted is told once and not any more', () => {
  const failure = { reason: 'failed', message: 'no such luck', final: true }
  const lines = linesOf(100, [[0, started('a')], [0, started('b')], [1, { type: 'stage-retry', stage: 'a', attempt: 1, delayMs: 90_000, failure }], [2, finished('b', 'cancelled', { because: ['forced'] })], [99, finished('a', 'failed', { failure })]])
  assert.equal(lines, ['0 a: x/y starts', '0 b: x/y starts', '1 a: no such luck; tries again in 1 min 30 s', '2 b: cancelled', '99 a: failed: no such luck'])
})

test('many hits in a row are one line, and what follows stands below it', () => {
  const hits = Array.from({ length: 30 }, (_, i) => [0, finished(`n${i}`, 'hit')] as const)
  assert.equal(linesOf(1, [...hits, [0, started('a')]]), ['0 n0 … n29: 30 hits', '0 a: x/y starts'])
  assert.equal(linesOf(1, hits.slice(0, 2)), ['2 n0: hit', '2 n1: hit'])
})

test.run()
