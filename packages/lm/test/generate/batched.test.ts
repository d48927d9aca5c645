import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeRows, type RowToDecode } from '../../src/generate/batched.js'
import type { Decoder } from '../../src/generate/decoder.js'
import { argmax } from '../../src/generate/sampling.js'

/** A decoder of a language in which each token is followed by the one below it; it checks what it is asked. */
function countdown(slots: number, capacity = 64): Decoder & { reads: number; steps: number } {
  const state: number[][] = Array.from({ length: slots }, () => [])
  const logits = (last: number) => {
    const row = new Float32Array(32)
    row[Math.max(0, last - 1)] = 1
    return row
  }
  return {
    slots,
    capacity,
    reads: 0,
    steps: 0,
    async read(prompts) {
      this.reads += prompts.length
      return prompts.map(ids => ({ length: ids.length, logits: logits(ids[ids.length - 1]!), keysAndValues: Float32Array.from(ids) }))
    },
    load(slot, prompt) {
      state[slot] = [...prompt.keysAndValues]
    },
    async step(tokens) {
      this.steps++
      tokens.forEach((id, slot) => {
        if (id >= 0) state[slot]!.push(id)
        assert.ok(state[slot]!.length < capacity)
      })
      return slot => logits(state[slot]!.at(-1)!)
    },
    async dispose() {},
  }
}
const row = (ids: number[], more: Partial<RowToDecode> = {}): RowToDecode => ({ ids, maxNewTokens: 20, choose: argmax, ...more })
const isEnd = (id: number) => id === 0

test('every row is decoded to its end, in the order of the input, whatever the number of slots', async () => {
  const rows = [[5], [1], [9, 3], [7], [2], [1], [4]].map(ids => row(ids))
  const expected = [[4, 3, 2, 1], [], [2, 1], [6, 5, 4, 3, 2, 1], [1], [], [3, 2, 1]].map(ids => ({ ids, reason: 'eos' }))
  for (const slots of [1, 2, 3, 16]) assert.equal(await decodeRows(countdown(slots), rows, { isEnd }), expected)
})

test('a slot whose row has ended takes the next row at once', async () => {
  const decoder = countdown(2)
  await decodeRows(decoder, [row([12]), row([2]), row([2]), row([2]), row([2])], { isEnd })
  assert.is(decoder.reads, 5)
  // The long row needs 11 steps; the four short ones run beside it.
  assert.is(decoder.steps, 11)
})

test('a row ends at its own number of new tokens, at the capacity, and where accept says so', async () => {
  const stop = row([20], { accept: id => id === 17 })
  const [a, b, c, d] = await decodeRows(countdown(2, 8), [row([20], { maxNewTokens: 2 }), row([20, 20, 20]), stop, row([5], { maxNewTokens: 0 })], { isEnd })
  assert.equal(a, { ids: [19, 18], reason: 'length' })
  assert.equal(b, { ids: [19, 18, 17, 16, 15], reason: 'length' })
  assert.equal(c, { ids: [19, 18, 17], reason: 'stop' })
  assert.equal(d, { ids: [], reason: 'length' })
})

test('an abort ends the work between two steps with its reason', async () => {
  const controller = new AbortController()
  const rows = [row([20], { accept: id => (id === 15 && controller.abort(new Error('enough')), false) })]
  try {
    await decodeRows(countdown(1), rows, { isEnd, signal: controller.signal })
    assert.unreachable()
  } catch (e) {
    assert.is((e as Error).message, 'enough')
  }
})

test.run()
