import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exactMatch } from '../../src/metrics/squad.js'
import { scoreRows } from '../../src/metrics/evaluate.js'
import { pairedBootstrap, pairedDifference, standardError, wilsonInterval } from '../../src/metrics/statistics.js'

const near = (a: number, b: number, tolerance = 1e-12) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`)

test('the standard error of the mean is the sample deviation over the root of n', () => {
  // numpy: std([1, 2, 3, 4], ddof=1) / 2
  near(standardError([1, 2, 3, 4]), 0.6454972243679028)
  assert.is(standardError([1, 1, 1]), 0)
})

test('a paired difference of two systems is that of their rows, with 1.96 standard errors to both sides', () => {
  const a = [0, 0, 1, 1, 0, 1]
  const b = [1, 0, 1, 1, 1, 0]
  const d = pairedDifference(a, b)
  near(d.difference, 1 / 6)
  near(d.stderr, 0.3073181485764296)
  near(d.low, 1 / 6 - 1.959963984540054 * 0.3073181485764296)
  near(d.high, 1 / 6 + 1.959963984540054 * 0.3073181485764296)
  assert.is(d.n, 6)
})

test('a paired difference of equal rows is 0 with an interval of no width, however unlike the rows are', () => {
  assert.equal(pairedDifference([0, 1, 0, 1], [0, 1, 0, 1]), { difference: 0, stderr: 0, n: 4, low: 0, high: 0 })
})

test('unequal lengths and fewer than two rows are refused', () => {
  assert.throws(() => pairedDifference([1], [1, 0]), /equally many values/)
  assert.throws(() => pairedDifference([1], [1]), /at least two rows/)
})

test('the bootstrap interval agrees with the normal one on many rows and is the same for the same seed', () => {
  const a = Array.from({ length: 400 }, (_, i) => (i % 3 === 0 ? 1 : 0))
  const b = Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 1 : 0))
  const normal = pairedDifference(a, b)
  const drawn = pairedBootstrap(a, b, { seed: 3 })
  near(drawn.difference, normal.difference)
  near(drawn.low, normal.low, 0.01)
  near(drawn.high, normal.high, 0.01)
  assert.equal(drawn, pairedBootstrap(a, b, { seed: 3 }))
  assert.is.not(drawn.low, pairedBootstrap(a, b, { seed: 4 }).low)
})

test("Wilson's interval of 8 in 10 is the published one and stays within 0 and 1", () => {
  // statsmodels proportion_confint(8, 10, method='wilson')
  const { low, high } = wilsonInterval(8, 10)
  near(low, 0.4901624715366418, 1e-9)
  near(high, 0.9433178485456247, 1e-9)
  assert.is(wilsonInterval(0, 5).low, 0)
  assert.is(wilsonInterval(5, 5).high, 1)
})

test('totals are given over all rows and by task', () => {
  const row = (prediction: string, task?: string) => ({ prediction, references: ['x'], ...(task !== undefined && { task }) })
  const { rows, metrics } = scoreRows([exactMatch], [row('x', 'kind'), row('y', 'kind'), row('x', 'name'), row('y')])
  assert.equal(rows, [{ exact_match: 1 }, { exact_match: 0 }, { exact_match: 1 }, { exact_match: 0 }])
  assert.equal(Object.keys(metrics), [
    'rows', 'exact_match', 'exact_match_stderr',
    'kind/rows', 'kind/exact_match', 'kind/exact_match_stderr',
    'name/rows', 'name/exact_match',
  ])
  assert.is(metrics['exact_match'], 0.5)
  assert.is(metrics['kind/exact_match'], 0.5)
  near(metrics['kind/exact_match_stderr']!, 0.5)
  assert.is(metrics['name/exact_match'], 1)
})

test.run()
