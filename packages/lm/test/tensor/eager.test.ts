import '@tensorflow/tfjs-backend-cpu'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openModelFolder } from '../../src/checkpoint/index.js'
import { initializeLlama } from '../../src/model/initialize.js'
import { parseLlamaConfig, type LlamaConfig } from '../../src/model/llama-config.js'
import { compileTrainStep, type TuningMethod } from '../../src/model/train-step.js'
import type { Engine } from '../../src/tensor/engine.js'
import { loadTensorFlow, TensorFlowUnavailable } from '../../src/tensor/tensorflow.js'
import type { TensorData, TensorSource } from '../../src/tensor/types.js'
import { loadTokenizer } from '../../src/text/index.js'
import type { TokenRows } from '../../src/text/types.js'
import { llamaTraining } from '../../src/train/llama-training.js'
import { train } from '../../src/train/train.js'
import { countingRows } from '../train/bigram.js'

// Stated before the first run: what rounding in another order may do to the loss in 20 steps of AdamW, as a share of the loss.
const tolerance = 5e-4
const steps = 20
const methods: readonly TuningMethod[] = [{ type: 'full' }, { type: 'lora', rank: 4, alpha: 8, rslora: false, targetModules: 'all-linear' }]

interface Case { readonly config: LlamaConfig; readonly base: TensorSource; readonly rows: TokenRows }

async function lossesOf(engine: Engine, method: TuningMethod, { config, base, rows }: Case): Promise<number[]> {
  const model = await llamaTraining({ config, method, base, engine, threads: 2, seed: 1 })
  const { history } = await train({
    model, rows, validation: rows,
    settings: {
      seed: 1, epochs: 10, maxSteps: steps, evaluateEvery: steps, batchSize: 8, accumulationSteps: 1, pack: false, maxLength: 64,
      learningRate: method.type === 'full' ? 1e-3 : 1e-2, schedule: 'linear', warmup: { steps: 2 }, maxGradientNorm: 1,
    },
  })
  return [...history.steps.map(s => s.loss), history.evaluations.at(-1)!.loss]
}

/** The largest difference of two loss traces, as a share of the loss. */
function compared(got: readonly number[], expected: readonly number[]): number {
  assert.is(got.length, steps + 1)
  assert.is(expected.length, steps + 1)
  assert.ok(expected.at(-1)! < 0.9 * expected[0]!, `it learns: ${expected.join(' ')}`)
  return Math.max(...expected.map((x, i) => Math.abs(got[i]! - x) / x))
}

function smallest(): Case {
  const config = parseLlamaConfig({
    model_type: 'llama', hidden_size: 16, num_attention_heads: 4, num_key_value_heads: 2, num_hidden_layers: 2, intermediate_size: 24,
    vocab_size: 21, max_position_embeddings: 64, tie_word_embeddings: true, initializer_range: 0.2,
  })
  return { config, base: initializeLlama(config, 5), rows: countingRows(16) }
}

const honeTiny = fileURLToPath(new URL('../../../../models/hone-tiny', import.meta.url))

async function pretrained(): Promise<Case> {
  const folder = await openModelFolder(honeTiny)
  const config = parseLlamaConfig(JSON.parse(readFileSync(join(honeTiny, 'config.json'), 'utf8')))
  const tokenizer = await loadTokenizer(honeTiny)
  const texts = Array.from({ length: 16 }, (_, i) => tokenizer.encode(`Question ${i}: what colour has box ${i}? Answer: box ${i} is ${['red', 'green', 'blue'][i % 3]}.`))
  const offsets = [0]
  for (const ids of texts) offsets.push(offsets.at(-1)! + ids.length)
  const ids = Int32Array.from(texts.flat())
  return { config, base: folder.weights, rows: { ids, mask: new Uint8Array(ids.length).fill(1), offsets, exampleIds: texts.map((_, i) => `row${i}`) } }
}

/** What keeps TensorFlow from being used here. */
async function whyNoTensorFlow(): Promise<string | undefined> {
  try {
    await loadTensorFlow({ threads: 2 })
    return undefined
  } catch (error) {
    assert.instance(error, TensorFlowUnavailable)
    return (error as Error).message.split('\n')[0]
  }
}

for (const method of methods) {
  test(`${steps} steps of ${method.type} operation by operation on tfjs-cpu give the losses of the compiled steps`, async () => {
    const share = compared(await lossesOf('reference', method, smallest()), await lossesOf('onnx', method, smallest()))
    assert.ok(share <= tolerance, `off by ${share} of the loss`)
  })
}

for (const method of methods) {
  const name = `${steps} steps of ${method.type} operation by operation on TensorFlow give the losses of the compiled steps`
  test(name, async () => {
    const missing = await whyNoTensorFlow()
    if (missing !== undefined) return console.log(`SKIP ${name}: ${missing}`)
    const cases = { 'a random model': smallest(), ...(existsSync(honeTiny) && { 'hone-tiny': await pretrained() }) }
    for (const [what, on] of Object.entries(cases)) {
      const [eager, compiled] = [await lossesOf('eager', method, on), await lossesOf('onnx', method, on)]
      const share = compared(eager, compiled)
      console.log(`${method.type}, ${what}: loss ${compiled[0]!.toFixed(4)} → ${compiled.at(-1)!.toFixed(4)}, off by at most ${share.toExponential(1)} of it`)
      assert.ok(share <= tolerance, `${what}: off by ${share} of the loss`)
    }
  })
}

test('a step leaves no tensor behind, and disposing frees the constants', async () => {
  const { config, base } = smallest()
  const before = tf.memory().numTensors
  const frozen = new Map<string, Float32Array>()
  for (const name of base.names) frozen.set(name, await base.read(name))
  const { executable, trainable } = await compileTrainStep(config, { method: methods[1]!, engine: 'reference', threads: 1, batch: 1, length: 8, supervised: 4, frozen })
  const feeds: Record<string, TensorData> = {
    ids: new Int32Array(8), positions: Int32Array.from({ length: 8 }, (_, i) => i), segments: new Int32Array(8).fill(1),
    select: Int32Array.of(0, 1, 2, 3), targets: Int32Array.of(1, 2, 3, 4), weights: new Float32Array(4).fill(1),
  }
  for (const { name, shape } of trainable) feeds[name] = new Float32Array(shape.reduce((a, b) => a * b)).fill(0.01)
  await executable.run(feeds)
  const between = tf.memory().numTensors
  assert.ok(between > before, 'the frozen weights stay')
  await executable.run(feeds)
  assert.is(tf.memory().numTensors, between)
  await executable.dispose()
  assert.is(tf.memory().numTensors, before)
})

test.run()
