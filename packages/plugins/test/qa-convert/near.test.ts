import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { jaccard, nearGroups, nearIndex, shingles } from '../../src/qa-convert/near.js'

/** Texts over few words, so that many are near one another. */
function texts(n: number): string[] {
  let state = 7
  const next = (m: number) => (state = (state * 1103515245 + 12345) % 2147483648) % m
  return Array.from({ length: n }, () => Array.from({ length: 4 + next(6) }, () => `w${next(12)}`).join(' '))
}

for (const size of [1, 2]) {
  for (const threshold of [0.5, 0.8, 1]) {
    test(`finds exactly the pairs that comparing all with all finds, at ${threshold} over runs of ${size}`, () => {
      const all = texts(150)
      const index = nearIndex(all, { threshold, size })
      let pairs = 0
      for (const text of all) {
        const expected = all.flatMap((other, i) => (jaccard(shingles(text, size), shingles(other, size)) >= threshold - 1e-9 ? [i] : []))
        assert.equal(index.find(text).map(f => f.index), expected)
        pairs += expected.length
      }
      assert.ok(pairs > all.length || threshold === 1)
    })
  }
}

test('groups are joined through others', () => {
  assert.equal(nearGroups(['a b c d', 'x y', 'b c d e', 'c d e f'], { threshold: 0.6 }), [0, 1, 0, 0])
})

test('a text without words is near nothing', () => {
  assert.equal(nearIndex(['...', 'a'], { threshold: 0.5 }).find('!!'), [])
})

test.run()
