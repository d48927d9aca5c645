import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeContinuation, truncateLeft } from '../../src/score/continuation.js'
import { rollingWindows } from '../../src/score/rolling.js'

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('rolling windows score each token but the first exactly once, in order', () => {
  for (const length of [2, 3, 7, 8, 9, 15, 16, 40]) {
    for (const window of [1, 2, 3, 8]) {
      const windows = rollingWindows(range(0, length), window)
      assert.equal(windows.flatMap(w => w.ids.slice(w.from)), range(1, length), `${length} in ${window}`)
      for (const w of windows) {
        assert.ok(w.ids.length <= window + 1 && w.from >= 1)
        assert.equal(w.ids, range(w.ids[0]!, w.ids[0]! + w.ids.length))
      }
    }
  }
})

// From lm_eval.utils.get_rolling_token_windows(range(0, 10), -100, 4, 1) and make_disjoint_window, lm_eval 0.4.9.
test('the windows are those of lm-evaluation-harness', () => {
  assert.equal(rollingWindows([-100, ...range(0, 10)], 4), [
    { ids: [-100, 0, 1, 2, 3], from: 1 },
    { ids: [3, 4, 5, 6, 7], from: 1 },
    { ids: [5, 6, 7, 8, 9], from: 3 },
  ])
})

test('a document of one token has nothing to score', () => {
  assert.equal(rollingWindows([5], 4), [])
  assert.equal(rollingWindows([], 4), [])
})

// A tokenizer of words that carry the space before them.
const words = { encode: (text: string) => (text.match(/ ?[^ ]+| +$/g) ?? []).map(w => w.length) }

test('a continuation begins where the tokens of its context end, and takes the white space at their end', () => {
  assert.equal(encodeContinuation(words, { context: 'the cat', continuation: ' sat down' }, undefined), { ids: [3, 4, 4, 5], from: 2 })
  assert.equal(encodeContinuation(words, { context: 'the cat ', continuation: 'sat' }, undefined), { ids: [3, 4, 4], from: 2 })
})

test('an empty context is the prefix token, and without one there is nothing to condition on', () => {
  assert.equal(encodeContinuation(words, { context: '', continuation: 'sat down' }, 1), { ids: [1, 3, 5], from: 1 })
  assert.is(encodeContinuation(words, { context: '', continuation: 'sat' }, undefined), undefined)
})

test('what is too long loses the beginning of its context, never what is scored', () => {
  assert.equal(truncateLeft({ ids: [1, 2, 3, 4, 5], from: 3 }, 3), { ids: [2, 3, 4, 5], from: 2 })
  assert.is(truncateLeft({ ids: [1, 2, 3, 4, 5], from: 1 }, 3), undefined)
})

test.run()
