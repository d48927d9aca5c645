import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compileEvaluateStep, compileTrainStep, type TrainStep } from '../../src/model/train-step.js'
import type { TensorData } from '../../src/tensor/types.js'
import { adamw, gradients, pack, packedShape, readAll, tinyLlama, type MethodGolden, type TinyLlama } from './golden.js'

// The tolerances that tests/golden/llama.py states.
const LOSS = 1e-5
const GRADIENT = 1e-4
const TRACE = 2e-4

const close = (got: number, expected: number, tolerance: number, what: string) =>
  assert.ok(Math.abs(got - expected) <= tolerance, `${what}: ${got}, expected ${expected} ± ${tolerance}`)

async function prepare(model: TinyLlama, type: 'full' | 'lora'): Promise<{ step: TrainStep; feeds: Record<string, TensorData> }> {
  const step = await compileTrainStep(model.config, { method: type === 'full' ? { type } : model.lora, ...packedShape, engine: 'onnx', threads: 2 })
  const feeds = { ...pack(model.golden.sequences), ...await readAll(model.weights), ...(type === 'lora' ? await readAll(model.adapter) : {}) }
  return { step, feeds }
}

for (const head of ['tied', 'untied'] as const) {
  for (const type of ['full', 'lora'] as const) {
    test(`${type}, ${head} head: loss and every gradient of packed sequences are those of transformers on each alone`, async () => {
      const model = await tinyLlama(head)
      const golden: MethodGolden = model.golden[type]
      const { step, feeds } = await prepare(model, type)
      const out = await step.executable.run(feeds)
      await step.executable.dispose()
      close(out['loss']?.[0] as number, golden.loss_sum, LOSS * golden.loss_sum, 'loss')
      const got = gradients(step, out, feeds['ids'] as Int32Array)
      assert.equal(Object.keys(got).sort(), Object.keys(golden.gradients).sort())
      for (const [name, expected] of Object.entries(golden.gradients)) {
        const values = got[name] as Float32Array
        close(Math.hypot(...values), expected.norm, GRADIENT * expected.norm, `norm of ${name}`)
        for (const [i, value] of expected.entries) close(values[i] as number, value, GRADIENT * expected.largest, `${name}[${i}]`)
      }
    })

    test(`${type}, ${head} head: ten steps of AdamW follow torch's losses`, async () => {
      const model = await tinyLlama(head)
      const golden: MethodGolden = model.golden[type]
      const { step, feeds } = await prepare(model, type)
      const update = adamw(model.golden.adamw)
      for (const [i, expected] of golden.trace.entries()) {
        const out = await step.executable.run(feeds)
        close((out['loss']?.[0] as number) / golden.supervised, expected, TRACE * expected, `loss before step ${i + 1}`)
        const got = gradients(step, out, feeds['ids'] as Int32Array)
        for (const p of step.trainable) update(feeds[p.name] as Float32Array, (got[p.name] as Float32Array).map(g => g / golden.supervised), i + 1)
      }
      await step.executable.dispose()
    })
  }
}

test('the evaluating program gives the training program\'s loss, with weights as constants too', async () => {
  const model = await tinyLlama('tied')
  const { step, feeds } = await prepare(model, 'lora')
  const expected = (await step.executable.run(feeds))['loss']?.[0] as number
  for (const frozen of [undefined, model.weights]) {
    const options = { method: model.lora, ...packedShape, engine: 'onnx' as const, threads: 2, ...(frozen ? { frozen } : {}) }
    const evaluate = await compileEvaluateStep(model.config, options)
    const wanted = Object.fromEntries(evaluate.executable.inputs.map(i => [i.name, feeds[i.name] as TensorData]))
    close((await evaluate.executable.run(wanted))['loss']?.[0] as number, expected, 1e-6 * expected, 'loss')
    const training = await compileTrainStep(model.config, options)
    close((await training.executable.run(wanted))['loss']?.[0] as number, expected, 1e-6 * expected, 'loss')
    await Promise.all([evaluate.executable.dispose(), training.executable.dispose()])
  }
})

test.run()
