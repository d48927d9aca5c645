import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runEager } from '../../src/tensor/eager.js'
import { compileOnnx } from '../../src/tensor/onnx.js'
import { trace, type Program, type ProgramDefinition } from '../../src/tensor/trace.js'
import type { TensorData, TensorSpec } from '../../src/tensor/types.js'

const float = (name: string, ...shape: number[]): TensorSpec => ({ name, shape, dtype: 'float32' })
const ops = (p: Program): string[] => p.operations.map(o => o.op)

async function run(definition: ProgramDefinition, feeds: Record<string, TensorData>, threads = 1): Promise<Record<string, TensorData>> {
  const executable = await compileOnnx(trace(definition), { threads })
  try {
    return await executable.run(feeds)
  } finally {
    await executable.dispose()
  }
}

test('an expression that is written twice is computed once', () => {
  const program = trace({ inputs: [float('x', 4)], build: x => ({ y: tf.mul(tf.exp(x('x')), tf.exp(x('x'))) }) })
  assert.equal(ops(program), ['Exp', 'Mul'])
})

test('what no output needs is not computed', () => {
  const program = trace({
    inputs: [float('x', 4)],
    build: x => {
      tf.exp(x('x'))
      return { y: tf.neg(x('x')) }
    },
  })
  assert.equal(ops(program), ['Neg'])
})

test('repeated numbers are never written out: the gradient of a mean is one product with a scalar', () => {
  const program = trace({
    inputs: [float('x', 100, 100)],
    build: x => ({ d: tf.grad(t => tf.mean(tf.square(t)))(x('x')) }),
  })
  assert.not.ok(ops(program).includes('Expand'))
  assert.ok(program.constants.every(c => c.data.length <= 4), program.constants.map(c => c.data.length).join())
})

test('multiplying by one and adding zero cost nothing', () => {
  const program = trace({ inputs: [float('x', 2, 3)], build: x => ({ y: tf.exp(tf.add(tf.mul(x('x'), tf.ones([2, 3])), tf.zeros([3]))) }) })
  assert.equal(ops(program), ['Exp'])
})

test('an operand that is broadcast by a neutral one has the larger shape', async () => {
  const { y } = await run({ inputs: [float('x', 2, 1)], build: x => ({ y: tf.mul(x('x'), tf.ones([2, 3])) }) }, { x: Float32Array.of(5, 7) })
  assert.equal([...y!], [5, 5, 5, 7, 7, 7])
})

test('a transposed operand of a product is not copied', () => {
  const program = trace({ inputs: [float('a', 4, 3), float('b', 5, 3)], build: x => ({ y: tf.matMul(x('a'), x('b'), false, true) }) })
  assert.equal(ops(program), ['FusedMatMul'])
})

test('outputs may be inputs, constants, or one value under two names', async () => {
  const out = await run({
    inputs: [float('x', 2)],
    constants: [{ name: 'c', shape: [2], data: Float32Array.of(8, 9) }],
    build: x => {
      const y = tf.neg(x('x'))
      return { same: x('x'), constant: x('c'), y, again: y, three: tf.fill([2], 3) }
    },
  }, { x: Float32Array.of(1, 2) })
  assert.equal(Object.fromEntries(Object.entries(out).map(([k, v]) => [k, [...v]])), { same: [1, 2], constant: [8, 9], y: [-1, -2], again: [-1, -2], three: [3, 3] })
})

test('repeated indices are summed right with several threads, every time', async () => {
  const [N, E] = [4096, 64]
  const ids = Int32Array.from({ length: N }, (_, i) => i % 3)
  const executable = await compileOnnx(trace({
    inputs: [float('x', 3, E), float('dy', N, E), { name: 'ids', shape: [N], dtype: 'int32' }],
    build: x => ({ d: tf.grad(t => tf.sum(tf.mul(tf.gather(t, x('ids') as tf.Tensor1D), x('dy'))))(x('x')) }),
  }), { threads: 4 })
  for (let k = 0; k < 10; k++) {
    const { d } = await executable.run({ x: new Float32Array(3 * E), dy: new Float32Array(N * E).fill(1), ids })
    assert.equal([...new Set(d!.subarray(0, E))], [1366])
    assert.equal([...new Set(d!.subarray(E))], [1365])
  }
  await executable.dispose()
})

test('an array given for an output is filled and returned; feeds that do not fit are named', async () => {
  const definition: ProgramDefinition = { inputs: [float('x', 2)], build: x => ({ y: tf.neg(x('x')) }) }
  for (const executable of [await compileOnnx(trace(definition), { threads: 1 }), runEager(definition, 'cpu')]) {
    const y = new Float32Array(2)
    const out = await executable.run({ x: Float32Array.of(1, 2) }, { y })
    assert.is(out['y'], y)
    assert.equal([...y], [-1, -2])
    const fails = async (feeds: Record<string, TensorData>, into: Record<string, TensorData>): Promise<string> =>
      executable.run(feeds, into).then(() => 'nothing', (e: Error) => e.message)
    assert.is(await fails({}, {}), 'The input x is not fed.')
    assert.is(await fails({ x: new Float32Array(3) }, {}), 'The input x has the shape [2], 2 values; got 3.')
    assert.is(await fails({ x: new Int32Array(2) }, {}), 'The input x is float32; got a Int32Array.')
    assert.is(await fails({ x: new Float32Array(2), z: new Float32Array(2) }, {}), 'There is no input z.')
    assert.is(await fails({ x: new Float32Array(2) }, { y: new Float32Array(1) }), 'The output y has the shape [2], 2 values; got 1.')
    await executable.dispose()
  }
})

test('reading a number of a traced tensor says why it cannot be', () => {
  assert.throws(() => trace({ inputs: [float('x', 2)], build: x => ({ y: tf.scalar(x('x').dataSync()[0] as number) }) }), /A traced tensor has no numbers/)
})

test('an operation without a traced kernel is named', () => {
  assert.throws(() => trace({ inputs: [float('x', 2)], build: x => ({ y: tf.asinh(x('x')) }) }), /Kernel 'Asinh' not registered for backend 'trace'/)
})

test('tracing leaves the backend that was current, and no tensor behind', () => {
  void tf.setBackend('cpu')
  const before = tf.memory().numTensors
  trace({ inputs: [float('x', 2)], build: x => ({ y: tf.grad(t => tf.sum(tf.exp(t)))(x('x')) }) })
  assert.is(tf.getBackend(), 'cpu')
  assert.is(tf.memory().numTensors, before)
})

test.run()
