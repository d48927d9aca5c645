import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TokenRows } from '../../src/text/types.js'
import { planBatches, planEvaluation, rowLength, supervisedInRow, usableRows, type BatchOptions } from '../../src/train/batches.js'
import { fillFeeds, makeFeeds } from '../../src/train/feeds.js'
import { epochOrder } from '../../src/train/order.js'
import { packRows } from '../../src/train/pack.js'
import { chooseShapes, shapeFor, sizeOf } from '../../src/train/shapes.js'

/** Rows of the given lengths, ids counting up from 100 by row; every second half is supervised. */
function rowsOf(lengths: readonly number[]): TokenRows {
  const offsets = [0]
  for (const n of lengths) offsets.push(offsets.at(-1)! + n)
  const ids = new Int32Array(offsets.at(-1)!)
  const mask = new Uint8Array(ids.length)
  lengths.forEach((n, row) => { for (let i = 0; i < n; i++) [ids[offsets[row]! + i], mask[offsets[row]! + i]] = [100 * (row + 1) + i, i >= n / 2 ? 1 : 0] })
  return { ids, mask, offsets, exampleIds: lengths.map((_, i) => `row${i}`) }
}
const options: BatchOptions = { seed: 1, epochs: 1, batchSize: 2, accumulationSteps: 1, pack: false, maxLength: 32 }
const all = (rows: TokenRows, o: BatchOptions) => {
  const plan = planBatches(rows, usableRows(rows), o)
  return { plan, steps: Array.from({ length: plan.steps }, (_, i) => plan.step(i)) }
}

test('the order is a permutation, the same for the same seed and epoch and another for another', () => {
  const a = epochOrder(50, 7, 0)
  assert.equal([...a].sort((x, y) => x - y), Array.from({ length: 50 }, (_, i) => i))
  assert.equal(a, epochOrder(50, 7, 0))
  assert.not.equal(a, epochOrder(50, 7, 1))
  assert.not.equal(a, epochOrder(50, 8, 0))
})

test('the order of the first ten rows with seed 7 stays what it was', () => {
  assert.equal([...epochOrder(10, 7, 0)], [2, 8, 7, 4, 5, 3, 1, 9, 6, 0])
})

test('every row comes once an epoch; the last micro-batch and the last step may be smaller', () => {
  const rows = rowsOf([4, 5, 6, 7, 8, 9, 10])
  const { plan, steps } = all(rows, { ...options, epochs: 2, batchSize: 2, accumulationSteps: 3 })
  assert.equal(plan.epochSteps, [2, 2])
  assert.equal(steps.map(s => [s.epoch, s.microBatches.map(m => m.length)]), [[0, [2, 2, 2]], [0, [1]], [1, [2, 2, 2]], [1, [1]]])
  for (const epoch of [0, 1]) {
    assert.equal(steps.filter(s => s.epoch === epoch).flatMap(s => s.microBatches.flat(2)).sort((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6])
  }
})

test('steps are counted as in Hugging Face’s Trainer', () => {
  const rows = rowsOf(Array.from({ length: 25 }, () => 6))
  const steps = (o: Partial<BatchOptions>) => planBatches(rows, usableRows(rows), { ...options, ...o }).steps
  assert.is(steps({ batchSize: 4 }), 7)
  assert.is(steps({ batchSize: 4, accumulationSteps: 2 }), 4)
  assert.is(steps({ batchSize: 4, epochs: 2.5 }), 18)
  assert.is(steps({ batchSize: 4, epochs: 0.1 }), 1)
  assert.is(steps({ batchSize: 4, maxSteps: 3 }), 3)
  assert.is(steps({ batchSize: 4, maxSteps: 10, epochs: 1 }), 10)
  assert.is(steps({ batchSize: 100 }), 1)
})

test('first fit packs each row whole into the first sequence with room', () => {
  const lengths = [10, 20, 5, 12, 30, 2, 33, 3]
  assert.equal(packRows(lengths.keys(), row => lengths[row]!, 32), [[0, 1, 5], [2, 3, 7], [4], [6]])
})

test('packing a thousand rows equals the search from the first sequence on', () => {
  const lengths = Array.from({ length: 1000 }, (_, i) => 1 + ((i * 7919) % 61))
  const naive: { rows: number[]; room: number }[] = []
  lengths.forEach((length, row) => {
    let sequence = naive.find(s => s.room >= length)
    if (!sequence) naive.push((sequence = { rows: [], room: 64 }))
    sequence.rows.push(row)
    sequence.room -= length
  })
  assert.equal(packRows(lengths.keys(), row => lengths[row]!, 64), naive.map(s => s.rows))
})

test('packed steps hold every row once and no sequence is longer than asked', () => {
  const rows = rowsOf(Array.from({ length: 40 }, (_, i) => 4 + ((i * 13) % 20)))
  const { steps } = all(rows, { ...options, epochs: 3, pack: true })
  for (const epoch of [0, 1, 2]) {
    const sequences = steps.filter(s => s.epoch === epoch).flatMap(s => s.microBatches.flat())
    assert.equal(sequences.flat().sort((a, b) => a - b), Array.from({ length: 40 }, (_, i) => i))
    for (const s of sequences) assert.ok(s.reduce((n, row) => n + rowLength(rows, row), 0) <= 32)
  }
})

test('a row without a supervised token, or with only its first one supervised, is left out', () => {
  const rows: TokenRows = { ids: Int32Array.of(1, 2, 3, 4, 5, 6), mask: Uint8Array.of(0, 1, 1, 0, 0, 0), offsets: [0, 2, 4, 6], exampleIds: ['a', 'b', 'c'] }
  assert.equal(usableRows(rows), [0])
  assert.is(supervisedInRow(rows, 1), 0)
  assert.throws(() => planBatches(rows, [], options), /no row with a supervised token/)
})

test('feeds hold ids, restarted positions, segments, and each supervised token at the place before it', () => {
  const rows = rowsOf([4, 3, 5])
  const shape = { batch: 2, length: 8, supervised: 8 }
  const feeds = makeFeeds(shape)
  feeds.ids.fill(9)
  assert.equal(fillFeeds(rows, [[0, 1], [2]], shape, feeds), { supervised: 5, tokens: 12 })
  assert.equal([...feeds.ids], [100, 101, 102, 103, 200, 201, 202, 0, 300, 301, 302, 303, 304, 0, 0, 0])
  assert.equal([...feeds.positions], [0, 1, 2, 3, 0, 1, 2, 0, 0, 1, 2, 3, 4, 0, 0, 0])
  assert.equal([...feeds.segments], [1, 1, 1, 1, 2, 2, 2, 0, 1, 1, 1, 1, 1, 0, 0, 0])
  assert.equal([...feeds.select], [1, 2, 5, 10, 11, 0, 0, 0])
  assert.equal([...feeds.targets], [102, 103, 202, 303, 304, 0, 0, 0])
  assert.equal([...feeds.weights], [1, 1, 1, 1, 1, 0, 0, 0])
})

test('a few shapes serve every micro-batch, one when lengths are alike', () => {
  const cost = { tokenCost: 1, supervisedCost: 1 }
  const alike = chooseShapes(Array.from({ length: 50 }, (_, i) => ({ sequences: 2, length: 60 + (i % 4), supervised: 20 })), cost)
  assert.equal(alike, [{ batch: 2, length: 64, supervised: 32 }])
  const apart = Array.from({ length: 400 }, (_, i) => ({ sequences: i === 399 ? 1 : 4, length: i % 8 === 0 ? 500 : 30, supervised: i % 8 === 0 ? 200 : 10 }))
  const shapes = chooseShapes(apart, cost)
  assert.equal(shapes, [{ batch: 4, length: 32, supervised: 16 }, { batch: 4, length: 512, supervised: 208 }])
  for (const size of apart) assert.ok(shapeFor(shapes, size))
})

test('every micro-batch of a run over rows of all lengths has a shape', () => {
  const rows = rowsOf(Array.from({ length: 200 }, (_, i) => 3 + ((i * 37) % 300)))
  const { steps } = all(rows, { ...options, epochs: 2, batchSize: 4 })
  const sizes = steps.flatMap(s => s.microBatches.map(m => sizeOf(rows, m)))
  const shapes = chooseShapes(sizes, { tokenCost: 1, supervisedCost: 2 })
  assert.ok(shapes.length <= 4)
  for (const size of sizes) shapeFor(shapes, size)
})

test('evaluation takes every row once, in its own order where it does not pack', () => {
  const rows = rowsOf([4, 5, 6, 7, 8])
  assert.equal(planEvaluation(rows, usableRows(rows), { batchSize: 2, pack: false, maxLength: 32 }), [[[0], [1]], [[2], [3]], [[4]]])
  assert.equal(planEvaluation(rows, usableRows(rows), { batchSize: 2, pack: true, maxLength: 16 }), [[[0, 1, 2], [3, 4]]])
})

test.run()
