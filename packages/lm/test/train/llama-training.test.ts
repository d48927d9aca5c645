import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { initializeLlama } from '../../src/model/initialize.js'
import { parseLlamaConfig } from '../../src/model/llama-config.js'
import type { LoraOptions } from '../../src/model/lora.js'
import type { TuningMethod } from '../../src/model/train-step.js'
import { llamaTraining, parameterSource, tunedWeights } from '../../src/train/llama-training.js'
import { train, type TrainResult, type TrainSettings } from '../../src/train/train.js'
import { countingRows } from './bigram.js'

const config = (tied: boolean) => parseLlamaConfig({
  model_type: 'llama', hidden_size: 16, num_attention_heads: 4, num_key_value_heads: 2, num_hidden_layers: 2, intermediate_size: 24,
  vocab_size: 21, max_position_embeddings: 64, tie_word_embeddings: tied, initializer_range: 0.2,
})
const settings: TrainSettings = {
  seed: 1, epochs: 6, batchSize: 8, accumulationSteps: 1, pack: false, maxLength: 32,
  learningRate: 0.01, schedule: 'linear', warmup: { steps: 2 }, maxGradientNorm: 1,
}
const rows = countingRows(32)
const validation = countingRows(6)
const lora: LoraOptions & { type: 'lora' } = { type: 'lora', rank: 4, alpha: 8, rslora: false, targetModules: 'all-linear' }
const run = async (method: TuningMethod, tied: boolean, changes: Partial<TrainSettings> = {}) => {
  const c = config(tied)
  const model = await llamaTraining({ config: c, method, base: initializeLlama(c, 5), engine: 'onnx', threads: 1, seed: 1 })
  return train({ model, rows, validation, settings: { ...settings, ...changes } })
}
const losses = (r: TrainResult) => r.history.steps.map(s => s.loss)
const values = (r: TrainResult) => r.parameters.flatMap(p => [...p.value])
const largestDifference = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))

for (const tied of [true, false]) {
  test(`full training with ${tied ? 'a tied' : 'its own'} head lowers the loss on held-out rows`, async () => {
    const { history } = await run({ type: 'full' }, tied)
    assert.ok(history.evaluations.at(-1)!.loss < 0.5 * history.evaluations[0]!.loss, JSON.stringify(history.evaluations))
  })

  test(`with ${tied ? 'a tied' : 'its own'} head a step does not depend on how its batch is split or packed`, async () => {
    const whole = await run({ type: 'full' }, tied, { epochs: 2 })
    for (const changes of [{ batchSize: 4, accumulationSteps: 2 }, { batchSize: 1, accumulationSteps: 8 }]) {
      const split = await run({ type: 'full' }, tied, { epochs: 2, ...changes })
      assert.ok(largestDifference(losses(split), losses(whole)) < 1e-4)
      assert.ok(largestDifference(values(split), values(whole)) < 2e-3)
    }
    const once = { epochs: 4, batchSize: 32 }
    const [apart, packed] = [await run({ type: 'full' }, tied, once), await run({ type: 'full' }, tied, { ...once, pack: true })]
    assert.ok(largestDifference(losses(apart), losses(packed)) < 1e-4)
  })
}

test('LoRA starts as the base, lowers the loss, and its merged weights give the loss of the adapted model', async () => {
  const c = config(false)
  const base = initializeLlama(c, 5)
  const tuned = await run(lora, false, { learningRate: 0.05 })
  const full = await run({ type: 'full' }, false, { maxSteps: 1 })
  assert.ok(Math.abs(tuned.history.evaluations[0]!.loss - full.history.evaluations[0]!.loss) < 1e-6)
  assert.ok(tuned.evaluation!.loss < 0.8 * tuned.history.evaluations[0]!.loss, JSON.stringify(tuned.history.evaluations))
  const merged = tunedWeights(c, lora, base, tuned.parameters)
  const model = await llamaTraining({ config: c, method: { type: 'full' }, base: merged, engine: 'onnx', threads: 1, seed: 1 })
  const again = await train({ model, rows, validation, settings: { ...settings, maxSteps: 1 } })
  assert.ok(Math.abs(again.history.evaluations[0]!.loss - tuned.evaluation!.loss) < 1e-5)
})

test('an adapter is gone on from when it is given', async () => {
  const c = config(true)
  const base = initializeLlama(c, 5)
  const first = await run(lora, true)
  const model = await llamaTraining({ config: c, method: lora, base, adapter: parameterSource(first.parameters), engine: 'onnx', threads: 1, seed: 1 })
  const second = await train({ model, rows, validation, settings })
  assert.is(second.history.evaluations[0]!.loss, first.evaluation!.loss)
})

test('a base that is fed trains as one that is part of the program', async () => {
  const c = config(true)
  const runs: TrainResult[] = []
  for (const frozenAsConstants of [true, false]) {
    const model = await llamaTraining({ config: c, method: lora, base: initializeLlama(c, 5), engine: 'onnx', threads: 1, seed: 1, frozenAsConstants })
    assert.is(Object.keys(model.frozen).length > 0, !frozenAsConstants)
    runs.push(await train({ model, rows, validation, settings: { ...settings, epochs: 2 } }))
  }
  assert.ok(largestDifference(losses(runs[0]!), losses(runs[1]!)) < 1e-5)
})

test('the same run gives the same bytes twice', async () => {
  for (const method of [{ type: 'full' }, lora] as const) assert.equal(values(await run(method, true, { epochs: 1 })), values(await run(method, true, { epochs: 1 })))
})

test.run()
