import '@tensorflow/tfjs-backend-cpu'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseLlamaConfig } from '../../src/model/llama-config.js'
import { compileTrainStep, type TuningMethod } from '../../src/model/train-step.js'
import type { TensorData } from '../../src/tensor/types.js'

const config = (tied: boolean) => parseLlamaConfig({
  model_type: 'llama', hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2,
  intermediate_size: 48, vocab_size: 97, tie_word_embeddings: tied,
})
const shape = { batch: 2, length: 16, supervised: 9 }
const N = 32
let state = 1
const random = () => (state = (state * 1664525 + 1013904223) >>> 0) / 2 ** 32 - 0.5
const batch: Record<string, TensorData> = {
  ids: Int32Array.from({ length: N }, (_, i) => (i * 7 + (i >> 2)) % 23),
  positions: Int32Array.from({ length: N }, (_, i) => i % 8),
  segments: Int32Array.from({ length: N }, (_, i) => (i >= 28 ? 0 : 1 + Math.floor((i % 16) / 8))),
  select: Int32Array.of(1, 3, 4, 9, 17, 20, 27, 0, 0),
  targets: Int32Array.of(5, 90, 4, 13, 8, 90, 6, 0, 0),
  weights: Float32Array.of(1, 1, 0.5, 1, 1, 1, 2, 0, 0),
}

const methods: TuningMethod[] = [{ type: 'full' }, { type: 'lora', rank: 4, alpha: 8, rslora: false, targetModules: 'all-linear' }]
for (const method of methods) {
  for (const tied of [true, false]) {
    test(`the compiled ${method.type} step (${tied ? 'tied' : 'untied'} head) agrees with tfjs-cpu to 2e-5 of each tensor's largest gradient`, async () => {
      const options = { method, ...shape, threads: 2 }
      const compiled = await compileTrainStep(config(tied), { ...options, engine: 'onnx' })
      const reference = await compileTrainStep(config(tied), { ...options, engine: 'reference' })
      const feeds = { ...batch }
      for (const p of [...compiled.frozen, ...compiled.trainable]) feeds[p.name] = new Float32Array(p.shape.reduce((a, b) => a * b)).map(() => random() * 0.4 + (p.name.includes('norm') ? 1 : 0))
      const got = await compiled.executable.run(feeds)
      const expected = await reference.executable.run(feeds)
      assert.equal(Object.keys(got).sort(), Object.keys(expected).sort())
      for (const [name, values] of Object.entries(expected)) {
        const largest = Array.from(values).reduce((m: number, x: number) => Math.max(m, Math.abs(x)), 0)
        const worst = Array.from(values).reduce((m: number, x: number, i: number) => Math.max(m, Math.abs(x - (got[name]?.[i] as number))), 0)
        assert.ok(largest > 0, `${name} has a gradient`)
        assert.ok(worst <= 2e-5 * largest, `${name}: off by ${worst / largest} of its largest`)
      }
      await compiled.executable.dispose()
    })
  }
}

test.run()
