import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compileProgram } from '../../src/tensor/engine.js'
import { loadTensorFlow, TensorFlowUnavailable } from '../../src/tensor/tensorflow.js'
import { compileTrainStep } from '../../src/model/train-step.js'
import { pack, packedShape, readAll, tinyLlama } from '../model/golden.js'

const unavailable = await loadTensorFlow().then(() => undefined, (e: unknown) => {
  if (e instanceof TensorFlowUnavailable) return e
  throw e
})

test('an eager engine that cannot be loaded says so in the loader\'s words', async () => {
  if (!unavailable) return
  assert.match(unavailable.message, unavailable.reason === 'not-installed' ? /is installed\.$/ : /native library does not load: .+/s)
  const error = await compileProgram({ inputs: [], build: () => ({}) }, { engine: 'eager', threads: 1 }).then(() => undefined, (e: unknown) => e)
  assert.instance(error, TensorFlowUnavailable)
})

const name = 'a step run operation by operation on TensorFlow has the loss and gradients of the compiled one'
test(name, async () => {
  if (unavailable) return console.log(`\nSKIP ${name}: the native library of tfjs-node is not there`)
  const model = await tinyLlama('tied')
  const options = { method: { type: 'full' } as const, ...packedShape, threads: 2 }
  const feeds = { ...pack(model.golden.sequences), ...await readAll(model.weights) }
  const [compiled, eager] = await Promise.all([compileTrainStep(model.config, { ...options, engine: 'onnx' }), compileTrainStep(model.config, { ...options, engine: 'eager' })])
  const expected = await compiled.executable.run(feeds)
  const got = await eager.executable.run(feeds)
  for (const [output, values] of Object.entries(expected)) {
    const largest = Math.max(...Array.from(values, Math.abs))
    values.forEach((v, i) => assert.ok(Math.abs(v - (got[output]?.[i] as number)) <= 1e-4 * largest, `${output}[${i}]`))
  }
  await compiled.executable.dispose()
})

test.run()
