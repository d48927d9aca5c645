import * as tf from '@tensorflow/tfjs-core'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { philox } from '../../src/random/philox.js'
import { runEager } from '../../src/tensor/eager.js'
import { compileOnnx } from '../../src/tensor/onnx.js'
import { droppedMatMul, dropoutKey, keptMask } from '../../src/tensor/ops/dropout.js'
import { trace, type ProgramDefinition } from '../../src/tensor/trace.js'
import { checkGradients } from './finite-differences.js'

const keysOf = (count: number, seed = 1) => Int32Array.from({ length: count }, (_, i) => dropoutKey(philox([i, 0, 0, 0], [seed, 0])[0]))

const maskProgram = (tokens: number, channels: number, rate: number): ProgramDefinition => ({
  inputs: [{ name: 'keys', shape: [tokens], dtype: 'int32' }],
  build: placeholder => ({ mask: tf.cast(keptMask(placeholder('keys'), channels, rate), 'float32') }),
})

test('a product with dropped inputs has the gradients of its finite differences, the mask being fixed', async () => {
  await checkGradients({
    inputs: { x: [6, 10], w: [3, 10] },
    f: t => droppedMatMul(t['x']!, t['w']!, () => keptMask(tf.tensor1d(keysOf(6), 'int32'), 10, 0.4)),
  })
})

for (const rate of [0.05, 0.3, 0.5, 0.9]) {
  test(`of all elements the share ${rate} is dropped, by tokens and by channels as by lot; ONNX Runtime and tfjs-cpu drop the same`, async () => {
    const [tokens, channels] = [1024, 384]
    const program = await compileOnnx(trace(maskProgram(tokens, channels, rate)), { threads: 1 })
    const keys = keysOf(tokens)
    const { mask } = await program.run({ keys }) as { mask: Float32Array }
    const reference = (await runEager(maskProgram(tokens, channels, rate), 'cpu').run({ keys })).mask!
    assert.ok(mask.every((kept, i) => kept === reference[i]))
    await program.dispose()
    const variance = rate * (1 - rate)
    const share = mask.reduce((n, kept) => n + kept, 0) / mask.length
    assert.ok(Math.abs(share - (1 - rate)) < 5 * Math.sqrt(variance / mask.length), `kept ${share}`)
    // Sums over rows and columns vary as those of independent draws: 15% is over four standard errors of a variance over 384.
    const sums = (count: number, of: number, at: (i: number, j: number) => number) =>
      Array.from({ length: count }, (_, i) => Array.from({ length: of }, (_, j) => mask[at(i, j)]! - (1 - rate)).reduce((a, b) => a + b, 0))
    const spread = (values: number[], of: number) => values.reduce((n, x) => n + x * x, 0) / values.length / (of * variance)
    for (const ratio of [spread(sums(tokens, channels, (i, j) => i * channels + j), channels), spread(sums(channels, tokens, (i, j) => j * channels + i), tokens)]) {
      assert.ok(Math.abs(ratio - 1) < 0.3, `varies ${ratio} times as much as by lot`)
    }
    // Neighbours in a row agree no more often than by lot.
    let together = 0
    for (let i = 1; i < mask.length; i++) together += (mask[i]! - (1 - rate)) * (mask[i - 1]! - (1 - rate))
    assert.ok(Math.abs(together / mask.length / variance) < 5 / Math.sqrt(mask.length), `correlated by ${together / mask.length / variance}`)
  })
}

test('a key has 26 bits and is odd', () => {
  for (const word of [0, 1, 127, 128, 0x7fffffff, 0xffffffff]) {
    const key = dropoutKey(word)
    assert.ok(key % 2 === 1 && key > 2 ** 25 && key < 2 ** 26, `${word} → ${key}`)
  }
})

test.run()
