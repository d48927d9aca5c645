import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BytePairEncoder } from '../../src/text/byte-pair-encoder.js'

type Merge = readonly [string, string]

/** The definition, word for word: of all pairs the one that was learned first, its leftmost place, until none is left. */
function mergedByDefinition(word: string, merges: readonly Merge[]): string[] {
  const symbols = [...word]
  for (;;) {
    const ranks = symbols.slice(1).map((right, i) => merges.findLastIndex(([a, b]) => a === symbols[i] && b === right))
    const lowest = Math.min(...ranks.filter(rank => rank >= 0))
    if (lowest === Infinity) return symbols
    const at = ranks.indexOf(lowest)
    symbols.splice(at, 2, symbols[at]! + symbols[at + 1]!)
  }
}

// Each merge joins two of what is there by then: letters, or what earlier merges made. The same pair may come twice.
const merges = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 25 }).map(pairs => {
  const known = ['a', 'b', 'c']
  return pairs.map(([i, j]): Merge => {
    const merge: Merge = [known[i % known.length]!, known[j % known.length]!]
    known.push(merge.join(''))
    return merge
  })
})

for (const [sort, length] of [['short', { maxLength: 64 }], ['long', { minLength: 65, maxLength: 200 }]] as const) {
  test(`a ${sort} word is merged as byte pair encoding is defined, and each token says which bytes it is of`, () => {
    const words = fc.array(fc.constantFrom('a', 'b', 'c'), { ...length, size: 'max' }).map(letters => letters.join(''))
    fc.assert(
      fc.property(merges, words, (merges, word) => {
        const tokens = [...new Set(['a', 'b', 'c', ...merges.map(merge => merge.join(''))])]
        const encoded = new BytePairEncoder(new Map(tokens.map((token, id) => [token, id])), merges).encode(word)
        assert.equal(encoded.ids.map(id => tokens[id]), mergedByDefinition(word, merges))
        assert.equal(encoded.starts.map((start, i) => word.slice(start, encoded.ends[i])), encoded.ids.map(id => tokens[id]))
      }),
    )
  })
}

test.run()
