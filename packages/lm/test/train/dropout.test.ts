import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { initializeLlama, initializeLora } from '../../src/model/initialize.js'
import { parseLlamaConfig } from '../../src/model/llama-config.js'
import type { LoraOptions } from '../../src/model/lora.js'
import { compileTrainStep } from '../../src/model/train-step.js'
import { dropoutKeys } from '../../src/train/dropout-keys.js'
import { llamaTraining } from '../../src/train/llama-training.js'
import { train, type TrainOptions, type TrainResult, type TrainSettings } from '../../src/train/train.js'
import { countingRows } from './bigram.js'

const config = parseLlamaConfig({
  model_type: 'llama', hidden_size: 16, num_attention_heads: 4, num_key_value_heads: 2, num_hidden_layers: 2, intermediate_size: 24,
  vocab_size: 21, max_position_embeddings: 64, tie_word_embeddings: true, initializer_range: 0.2,
})
const lora: LoraOptions & { type: 'lora' } = { type: 'lora', rank: 4, alpha: 8, rslora: false, targetModules: 'all-linear' }
const settings: TrainSettings = {
  seed: 1, epochs: 1, batchSize: 8, accumulationSteps: 1, pack: false, maxLength: 32,
  learningRate: 0.02, schedule: 'linear', warmup: { steps: 2 }, maxGradientNorm: 1,
}
const rows = countingRows(32)
const validation = countingRows(6)
const run = async (dropout: number | undefined, changes: Partial<TrainSettings> = {}, more: Partial<TrainOptions> = {}) => {
  const model = await llamaTraining({ config, method: { ...lora, dropout }, base: initializeLlama(config, 5), engine: 'onnx', threads: 1, seed: 1 })
  return train({ model, rows, validation, settings: { ...settings, ...changes }, ...more })
}
const losses = (r: TrainResult) => r.history.steps.map(s => s.loss)
const bytes = (r: TrainResult) => r.parameters.map(p => [p.name, Buffer.from(p.value.slice().buffer).toString('hex')])
const largestDifference = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))

test('a token draws a number by seed, step, row, place and site, wherever its row lies in a batch', () => {
  const apart = dropoutKeys(rows, [[3], [5]], { batch: 2, length: 16, supervised: 8 }, { sites: 6, seed: 1, step: 4 })
  const packed = dropoutKeys(rows, [[5, 3]], { batch: 1, length: 32, supervised: 8 }, { sites: 6, seed: 1, step: 4 })
  const length = (row: number) => rows.offsets[row + 1]! - rows.offsets[row]!
  for (let site = 0; site < 6; site++) {
    assert.equal(packed.slice(site * 32 + length(5), site * 32 + length(5) + length(3)), apart.slice(site * 32, site * 32 + length(3)))
    assert.equal(packed.slice(site * 32, site * 32 + length(5)), apart.slice(site * 32 + 16, site * 32 + 16 + length(5)))
  }
  const drawn = (seed: number, step: number) => dropoutKeys(rows, [[3]], { batch: 1, length: length(3), supervised: 8 }, { sites: 6, seed, step })
  const all = [drawn(1, 4), drawn(1, 5), drawn(2, 4), drawn(1 + 2 ** 32, 4)].flatMap(keys => [...keys])
  assert.is(new Set(all).size, all.length)
})

test('without dropout a step takes no such numbers; with it the loss of training is another and that of evaluation is not', async () => {
  const shape = { batch: 1, length: 8, supervised: 4, engine: 'onnx', threads: 1 } as const
  for (const [dropout, names] of [[undefined, []], [0, []], [0.5, ['dropout']]] as const) {
    const { executable } = await compileTrainStep(config, { method: { ...lora, dropout }, ...shape })
    assert.equal(executable.inputs.map(i => i.name).filter(n => n === 'dropout'), names)
    await executable.dispose()
  }
  const [none, zero, some] = [await run(undefined), await run(0), await run(0.5)]
  assert.equal(bytes(zero), bytes(none))
  // The adapter is nothing at first, so dropping its input changes no loss until it has been trained.
  assert.ok(Math.abs(losses(some)[0]! - losses(none)[0]!) < 1e-6)
  assert.ok(largestDifference(losses(some), losses(none)) > 1e-3)
  const trained = some.parameters
  const again = await llamaTraining({
    config, method: lora, base: initializeLlama(config, 5), engine: 'onnx', threads: 1, seed: 1,
    adapter: { ...initializeLora(config, lora, 1), read: async (name, into) => (into!.set(trained.find(p => p.name === name)!.value), into!) },
  })
  const evaluated = await train({ model: again, rows, validation, settings: { ...settings, maxSteps: 1 } })
  assert.is(evaluated.history.evaluations[0]!.loss, some.evaluation!.loss)
})

test('over many steps the adapter\'s part is as large with dropout as without: what is kept is scaled up', async () => {
  const method = { ...lora, dropout: 0.5, targetModules: ['down_proj'] }
  const shape = { batch: 1, length: 8, supervised: 7 }
  const ids = Int32Array.from({ length: 8 }, (_, i) => i + 1)
  const base = initializeLlama(config, 5)
  const adapter = initializeLora(config, method, 1)
  const feeds: Record<string, Float32Array | Int32Array> = {
    ids, positions: Int32Array.from(ids, i => i - 1), segments: new Int32Array(8).fill(1),
    select: Int32Array.from({ length: 7 }, (_, i) => i), targets: Int32Array.from({ length: 7 }, (_, i) => i + 2), weights: new Float32Array(7).fill(1),
  }
  for (const name of base.names) feeds[name] = await base.read(name)
  for (const name of adapter.names) feeds[name] = await adapter.read(name)
  // With B = 0 the gradient of B is linear in what A reads, so its mean over masks is the one without dropout.
  const b = 'grad:base_model.model.model.layers.1.mlp.down_proj.lora_B.weight'
  const [plain, dropping] = [await compileTrainStep(config, { method: { ...method, dropout: 0 }, ...shape, engine: 'onnx', threads: 1 }), await compileTrainStep(config, { method, ...shape, engine: 'onnx', threads: 1 })]
  const expected = (await plain.executable.run(feeds))[b] as Float32Array
  const mean = new Float64Array(expected.length)
  const draws = 100
  const one = { ids, mask: new Uint8Array(8).fill(1), offsets: [0, 8], exampleIds: ['a'] }
  for (let step = 0; step < draws; step++) {
    const dropout = dropoutKeys(one, [[0]], shape, { sites: 2, seed: 1, step })
    ;((await dropping.executable.run({ ...feeds, dropout }))[b] as Float32Array).forEach((g, i) => { mean[i]! += g / draws })
  }
  const along = expected.reduce((n, g, i) => n + g * mean[i]!, 0) / expected.reduce((n, g) => n + g * g, 0)
  assert.ok(Math.abs(along - 1) < 0.1, `the mean gradient is ${along} of the one without dropout`)
  await Promise.all([plain.executable.dispose(), dropping.executable.dispose()])
})

test('with dropout a step does not depend on how its batch is split or packed', async () => {
  const whole = await run(0.3)
  for (const changes of [{ batchSize: 4, accumulationSteps: 2 }, { batchSize: 1, accumulationSteps: 8 }]) {
    assert.ok(largestDifference(losses(await run(0.3, changes)), losses(whole)) < 1e-4)
  }
  const once = { epochs: 3, batchSize: 32 }
  assert.ok(largestDifference(losses(await run(0.3, once)), losses(await run(0.3, { ...once, pack: true }))) < 1e-4)
})

test('with dropout a run that was killed goes on and ends with the bytes of an undisturbed one', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hone-dropout-'))
  try {
    const whole = await run(0.3, { accumulationSteps: 2, batchSize: 4, epochs: 2 })
    const changes = { accumulationSteps: 2, batchSize: 4, epochs: 2, saveEvery: 2 }
    const checkpoints = { dir, identity: 'a' }
    const killed = await run(0.3, changes, { checkpoints, onStep: s => { if (s.step === 5) throw new RangeError('killed') } }).then(() => undefined, (e: unknown) => e)
    assert.instance(killed, RangeError)
    const resumed = await run(0.3, changes, { checkpoints })
    assert.is(resumed.resumedAt, 4)
    assert.equal(bytes(resumed), bytes(whole))
    assert.equal(resumed.history, whole.history)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})

test.run()
