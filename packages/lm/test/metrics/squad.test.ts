import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exactMatch, exactMatchNormalized, f1, normalizeAnswer } from '../../src/metrics/squad.js'
import { scoreRows } from '../../src/metrics/evaluate.js'

interface Golden {
  totals: { exact_match: number; f1: number }
  rows: { prediction: string; references: string[]; exact_match: number; f1: number }[]
}
const golden = JSON.parse(readFileSync(new URL('../../../../tests/golden/squad.json', import.meta.url), 'utf8')) as Golden

test("exact_match_normalized and f1 equal SQuAD v1.1's official script on every row", () => {
  assert.ok(golden.rows.length >= 300)
  for (const row of golden.rows) {
    const shown = JSON.stringify([row.prediction, row.references])
    assert.is(exactMatchNormalized.score(row.prediction, row.references).exact_match_normalized, row.exact_match, shown)
    // The same operations in the same order, so equal to the last bit.
    assert.is(f1.score(row.prediction, row.references).f1, row.f1, shown)
  }
})

test("their totals are the official script's, as shares instead of percentages", () => {
  const { metrics } = scoreRows([exactMatchNormalized, f1], golden.rows)
  assert.ok(Math.abs(metrics.exact_match_normalized! * 100 - golden.totals.exact_match) < 1e-9)
  assert.ok(Math.abs(metrics.f1! * 100 - golden.totals.f1) < 1e-9)
})

test('exact_match is equality of the strings and nothing else', () => {
  assert.is(exactMatch.score('Yes', ['Yes']).exact_match, 1)
  assert.is(exactMatch.score('Yes ', ['Yes']).exact_match, 0)
  assert.is(exactMatch.score('yes', ['Yes', 'yes']).exact_match, 1)
})

test('normalizing drops case, punctuation, articles and runs of white space', () => {
  assert.is(normalizeAnswer("  The  cat's\thome, an end. "), 'cats home end')
})

test.run()
