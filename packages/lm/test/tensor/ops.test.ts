import * as tf from '@tensorflow/tfjs-core'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compileOnnx } from '../../src/tensor/onnx.js'
import { attendToPast, attention, causalSegmentMask, pastMask } from '../../src/tensor/ops/attention.js'
import { linearCrossEntropy } from '../../src/tensor/ops/linear-cross-entropy.js'
import { rmsNorm } from '../../src/tensor/ops/rms-norm.js'
import { rotary, rotaryAngles } from '../../src/tensor/ops/rotary.js'
import { swiGlu } from '../../src/tensor/ops/swiglu.js'
import { trace } from '../../src/tensor/trace.js'
import { checkGradients, sequence, type Case } from './finite-differences.js'

const x = (tensors: Readonly<Record<string, tf.Tensor>>, name: string): tf.Tensor => tensors[name] as tf.Tensor
const segments = (): tf.Tensor => tf.tensor2d([[1, 1, 1, 2, 2, 0], [1, 1, 2, 2, 2, 2]], undefined, 'int32')

const cases: Record<string, Case> = {
  'rmsNorm': { inputs: { x: [3, 8], weight: [8] }, f: t => rmsNorm(x(t, 'x'), x(t, 'weight'), 1e-5) },
  'swiGlu': { inputs: { gate: [3, 5], up: [3, 5] }, f: t => swiGlu(x(t, 'gate'), x(t, 'up')) },
  'rotary': { inputs: { x: [4, 2, 6] }, f: t => rotary(x(t, 'x'), rotaryAngles(tf.tensor1d([0, 3, 1, 7], 'int32'), 8, 6, 100)) },
  'attention over packed rows with grouped queries': {
    inputs: { q: [2, 2, 3, 6, 4], k: [2, 2, 6, 4], v: [2, 2, 6, 4] },
    f: t => attention(x(t, 'q'), x(t, 'k'), x(t, 'v'), causalSegmentMask(segments())),
  },
  'attention in blocks that do not divide its length': {
    inputs: { q: [2, 2, 2, 6, 4], k: [2, 2, 6, 4], v: [2, 2, 6, 4] },
    f: t => attention(x(t, 'q'), x(t, 'k'), x(t, 'v'), causalSegmentMask(segments()), { block: 4 }),
  },
  'attention whose probabilities are computed again': {
    inputs: { q: [2, 1, 2, 6, 4], k: [2, 1, 6, 4], v: [2, 1, 6, 4] },
    f: t => attention(x(t, 'q'), x(t, 'k'), x(t, 'v'), causalSegmentMask(segments()), { block: 4, keptBytes: 0 }),
  },
  'linearCrossEntropy with weights': {
    inputs: { hidden: [4, 5], weight: [7, 5] },
    f: t => linearCrossEntropy({
      hidden: x(t, 'hidden'), weight: x(t, 'weight'), targets: tf.tensor1d([6, 0, 3, 3], 'int32'), weights: tf.tensor1d([1, 0.5, 2, 0]), trainHead: true,
    }),
  },
}
for (const [name, each] of Object.entries(cases)) {
  test(`the gradient of ${name} is its finite difference, compiled and on tfjs-cpu`, () => checkGradients(each))
}

/** Attention written in the plainest way, one number at a time. */
function plainAttention(q: number[], k: number[], v: number[], sees: (i: number, j: number) => boolean, D: number): number[] {
  const T = q.length / D
  return Array.from({ length: T }, (_, i) => {
    const scores = Array.from({ length: T }, (_, j) => (sees(i, j) ? Math.exp(Array.from({ length: D }, (_, d) => q[i * D + d]! * k[j * D + d]!).reduce((a, b) => a + b) / Math.sqrt(D)) : 0))
    const sum = scores.reduce((a, b) => a + b)
    return Array.from({ length: D }, (_, d) => scores.reduce((a, s, j) => a + (s / sum) * v[j * D + d]!, 0))
  }).flat()
}

test('attention sees earlier positions of its own segment alone', async () => {
  const [T, D] = [6, 4]
  const next = sequence(5)
  const [q, k, v] = [0, 1, 2].map(() => Float32Array.from({ length: T * D }, next)) as [Float32Array, Float32Array, Float32Array]
  const ids = Int32Array.of(1, 1, 1, 2, 2, 0)
  const program = trace({
    inputs: [...['q', 'k', 'v'].map(name => ({ name, shape: [T, D], dtype: 'float32' as const })), { name: 'segments', shape: [1, T], dtype: 'int32' }],
    build: input => ({ y: attention(tf.reshape(input('q'), [1, 1, 1, T, D]), tf.reshape(input('k'), [1, 1, T, D]), tf.reshape(input('v'), [1, 1, T, D]), causalSegmentMask(input('segments'))) }),
  })
  const executable = await compileOnnx(program, { threads: 2 })
  const { y } = await executable.run({ q, k, v, segments: ids })
  await executable.dispose()
  const expected = plainAttention([...q], [...k], [...v], (i, j) => j <= i && ids[i] === ids[j], D)
  expected.forEach((e, i) => assert.ok(Math.abs(e - y![i]!) < 1e-6, `${i}: ${y![i]}, expected ${e}`))
})

test('attending to a cache of which a part is filled gives what attending to those tokens gives', async () => {
  const [R, K, G, C, D] = [2, 2, 3, 8, 4]
  const lengths = Int32Array.of(5, 0)
  const next = sequence(6)
  const data = (n: number): Float32Array => Float32Array.from({ length: n }, next)
  const feeds = { q: data(R * K * G * D), k: data(R * K * D), v: data(R * K * D), keys: data(R * K * C * D), values: data(R * K * C * D) }
  const float = (name: string, ...shape: number[]) => ({ name, shape, dtype: 'float32' as const })
  const program = trace({
    inputs: [float('q', R, K, G, D), float('k', R, K, 1, D), float('v', R, K, 1, D), float('keys', R, K, C, D), float('values', R, K, C, D), { name: 'lengths', shape: [R], dtype: 'int32' }],
    build: input => ({ y: attendToPast(input('q'), input('k'), input('v'), { keys: input('keys'), values: input('values') }, pastMask(input('lengths'), C)) }),
  })
  const executable = await compileOnnx(program, { threads: 2 })
  const { y } = await executable.run({ ...feeds, lengths })
  await executable.dispose()
  for (let r = 0; r < R; r++) {
    for (let h = 0; h < K * G; h++) {
      const head = r * K + Math.floor(h / G)
      const length = lengths[r] as number
      const all = (past: Float32Array, own: Float32Array): number[] => [...past.subarray(head * C * D, (head * C + length) * D), ...own.subarray(head * D, (head + 1) * D)]
      const query = [...new Float32Array(length * D), ...feeds.q.subarray((r * K * G + h) * D, (r * K * G + h + 1) * D)]
      const expected = plainAttention(query, all(feeds.keys, feeds.k), all(feeds.values, feeds.v), () => true, D).slice(-D)
      expected.forEach((e, d) => assert.ok(Math.abs(e - y![(r * K * G + h) * D + d]!) < 1e-6))
    }
  }
})

test('the loss of logits in the thousands is finite and right', async () => {
  const program = trace({
    inputs: [{ name: 'hidden', shape: [2, 1], dtype: 'float32' }],
    build: input => ({
      loss: linearCrossEntropy({
        hidden: input('hidden'), weight: tf.tensor2d([[1000], [-1000], [0]]), targets: tf.tensor1d([0, 1], 'int32'), weights: tf.tensor1d([1, 1]), trainHead: false,
      }),
    }),
  })
  const executable = await compileOnnx(program, { threads: 1 })
  assert.is((await executable.run({ hidden: Float32Array.of(5, 5) }))['loss']?.[0], 10000)
  await executable.dispose()
})

test.run()
