import * as tf from '@tensorflow/tfjs-core'
import { test } from 'uvu'
import { checkGradients, type Case } from './finite-differences.js'

type One = (x: tf.Tensor) => tf.Tensor
type Two = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor
const unary = (f: One, shape: readonly number[] = [3, 4]): Case => ({ inputs: { x: shape }, f: ({ x }) => f(x as tf.Tensor) })
const positive = (f: One): Case => ({ inputs: { x: { shape: [5], values: [0.3, 0.8, 1.5, 2.2, 4] } }, f: ({ x }) => f(x as tf.Tensor) })
const binary = (f: Two, a: readonly number[] = [2, 3], b: readonly number[] = [2, 3]): Case => ({ inputs: { a, b }, f: x => f(x['a'] as tf.Tensor, x['b'] as tf.Tensor) })
const indices = (): tf.Tensor1D => tf.tensor1d([2, 0, 2, 2, 1], 'int32')

const cases: Record<string, Case> = {
  'add': binary(tf.add),
  'add of a row to a matrix': binary(tf.add, [4, 3], [3]),
  'sub of a column from a matrix': binary(tf.sub, [4, 3], [4, 1]),
  'mul': binary(tf.mul),
  'mul of a scalar and a matrix': binary(tf.mul, [], [3, 2]),
  'a tensor used three times': unary(x => tf.mul(tf.mul(x, x), x)),
  'div': { inputs: { a: [3], b: { shape: [3], values: [0.7, -1.3, 2] } }, f: x => tf.div(x['a'] as tf.Tensor, x['b'] as tf.Tensor) },
  'addN': binary((a, b) => tf.addN([a, b, a])),
  'exp': unary(tf.exp),
  'log': positive(tf.log),
  'sqrt': positive(tf.sqrt),
  'rsqrt': positive(tf.rsqrt),
  'square': unary(tf.square),
  'neg': unary(tf.neg),
  'tanh': unary(tf.tanh),
  'sigmoid': unary(tf.sigmoid),
  'erf': unary(tf.erf),
  'relu': { inputs: { x: { shape: [4], values: [-1, -0.4, 0.3, 2] } }, f: ({ x }) => tf.relu(x as tf.Tensor) },
  'sum of all': unary(x => tf.sum(x)),
  'sum over one axis': unary(x => tf.square(tf.sum(x, 0))),
  'mean over the last axis, kept': unary(x => tf.square(tf.mean(x, -1, true))),
  'max': { inputs: { x: { shape: [2, 3], values: [1, 5, 2, 9, 3, 4] } }, f: ({ x }) => tf.square(tf.max(x as tf.Tensor, 1)) },
  'softmax': unary(x => tf.softmax(x)),
  'logSoftmax': unary(x => tf.logSoftmax(x)),
  'reshape': unary(x => tf.square(tf.reshape(x, [2, 6]))),
  'expandDims': unary(x => tf.square(tf.expandDims(x, 1))),
  'transpose': unary(x => tf.square(tf.transpose(x, [2, 0, 1])), [2, 3, 4]),
  'slice': unary(x => tf.square(tf.slice(x, [1, 1], [2, 2]))),
  'concat': binary((a, b) => tf.square(tf.concat([a, b, a], 1)), [2, 3], [2, 1]),
  'split': unary(x => tf.mul(...(tf.split(x, 2, 1) as [tf.Tensor, tf.Tensor]))),
  'tile': unary(x => tf.square(tf.tile(x, [2, 3])), [2, 2]),
  'broadcastTo': unary(x => tf.square(tf.broadcastTo(x, [3, 4])), [3, 1]),
  'gather with repeated indices': unary(x => tf.square(tf.gather(x, indices())), [3, 2]),
  'where': binary((a, b) => tf.where(tf.tensor2d([[1, 0, 1], [0, 0, 1]], undefined, 'bool'), tf.square(a), tf.square(b))),
  'matMul': binary((a, b) => tf.matMul(a, b), [3, 4], [4, 2]),
  'matMul, first transposed': binary((a, b) => tf.matMul(a, b, true, false), [4, 3], [4, 2]),
  'matMul, second transposed': binary((a, b) => tf.matMul(a, b, false, true), [3, 4], [2, 4]),
  'matMul, both transposed': binary((a, b) => tf.matMul(a, b, true, true), [4, 3], [2, 4]),
  'matMul of batches': binary((a, b) => tf.matMul(a, b, false, true), [2, 2, 3, 4], [2, 2, 2, 4]),
}

for (const [name, each] of Object.entries(cases)) {
  test(`the gradient of ${name} is its finite difference, compiled and on tfjs-cpu`, () => checkGradients(each))
}

test.run()
