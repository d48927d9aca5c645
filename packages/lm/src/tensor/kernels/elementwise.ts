import * as tf from '@tensorflow/tfjs-core'
import type { TraceBackend } from '../backend.js'
import { broadcastShape, sameShape, type ValueType } from '../graph.js'
import { input, traced, type Inputs } from './register.js'

const float = (dtype: tf.DataType): boolean => dtype === 'float32'

/** `fold` computes the element where both operands are known numbers; `neutral` are operands that leave the other as it is. */
interface Binary {
  readonly op: string
  readonly fold?: (a: number, b: number) => number
  readonly neutralLeft?: number
  readonly neutralRight?: number
  readonly absorbing?: number
  readonly result?: 'bool'
}

function binary(kernelName: string, rule: Binary): void {
  traced(kernelName, (inputs, _, backend) => {
    const a = input(inputs, 'a')
    const b = input(inputs, 'b')
    const shape = broadcastShape(a.shape, b.shape)
    const x = backend.splat(a)
    const y = backend.splat(b)
    if (x !== undefined && y !== undefined && rule.fold && float(a.dtype)) return backend.splatTensor(rule.fold(x, y), shape, a.dtype)
    if (y !== undefined && y === rule.neutralRight) return broadcast(backend, a, shape)
    if (x !== undefined && x === rule.neutralLeft) return broadcast(backend, b, shape)
    if (rule.absorbing !== undefined && (x === rule.absorbing || y === rule.absorbing)) return backend.splatTensor(rule.absorbing, shape, a.dtype)
    const left = backend.broadcastable(a)
    const right = backend.broadcastable(b)
    const dtype = rule.result ?? (a.dtype as ValueType)
    return backend.tensor(backend.graph.emit(rule.op, [left, right], { shape: broadcastShape(left.shape, right.shape), dtype }), shape)
  })
}

const broadcast = (backend: TraceBackend, t: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo =>
  sameShape(t.shape, shape) || backend.splat(t) !== undefined ? backend.alias(t, shape) : backend.tensor(backend.broadcastable(t), shape)

binary('Add', { op: 'Add', fold: (a, b) => a + b, neutralLeft: 0, neutralRight: 0 })
binary('Sub', { op: 'Sub', fold: (a, b) => a - b, neutralRight: 0 })
// 0 · x is 0 here even where x is infinite or not a number: such a program has diverged anyway.
binary('Multiply', { op: 'Mul', fold: (a, b) => a * b, neutralLeft: 1, neutralRight: 1, absorbing: 0 })
binary('RealDiv', { op: 'Div', fold: (a, b) => a / b, neutralRight: 1 })
binary('Maximum', { op: 'Max', fold: Math.max })
binary('Minimum', { op: 'Min', fold: Math.min })
binary('Pow', { op: 'Pow', fold: Math.pow, neutralRight: 1 })
binary('Equal', { op: 'Equal', result: 'bool' })
binary('Greater', { op: 'Greater', result: 'bool' })
binary('GreaterEqual', { op: 'GreaterOrEqual', result: 'bool' })
binary('Less', { op: 'Less', result: 'bool' })
binary('LessEqual', { op: 'LessOrEqual', result: 'bool' })
binary('LogicalAnd', { op: 'And', result: 'bool' })
binary('LogicalOr', { op: 'Or', result: 'bool' })

traced('AddN', (inputs, _, backend) => {
  const [first, ...rest] = Object.values(inputs as Inputs) as [tf.TensorInfo, ...tf.TensorInfo[]]
  let sum = backend.full(first)
  for (const t of rest) sum = backend.graph.emit('Add', [sum, backend.full(t)], sum)
  return backend.tensor(sum)
})

function unary(kernelName: string, ops: readonly string[], fold?: (x: number) => number): void {
  traced(kernelName, (inputs, _, backend) => {
    const x = input(inputs, 'x')
    const number = backend.splat(x)
    if (number !== undefined && fold && float(x.dtype)) return backend.splatTensor(fold(number), x.shape, x.dtype)
    return backend.tensor(ops.reduce((value, op) => backend.graph.emit(op, [value], value), backend.broadcastable(x)), x.shape)
  })
}

unary('Exp', ['Exp'], Math.exp)
unary('Log', ['Log'], Math.log)
unary('Sqrt', ['Sqrt'], Math.sqrt)
unary('Rsqrt', ['Sqrt', 'Reciprocal'], x => 1 / Math.sqrt(x))
unary('Reciprocal', ['Reciprocal'], x => 1 / x)
unary('Neg', ['Neg'], x => -x)
unary('Abs', ['Abs'], Math.abs)
unary('Tanh', ['Tanh'], Math.tanh)
unary('Sigmoid', ['Sigmoid'])
unary('Erf', ['Erf'])
unary('Relu', ['Relu'])
unary('Sin', ['Sin'])
unary('Cos', ['Cos'])
unary('LogicalNot', ['Not'])

traced('Square', (inputs, _, backend) => {
  const x = input(inputs, 'x')
  const value = backend.broadcastable(x)
  return backend.tensor(backend.graph.emit('Mul', [value, value], value), x.shape)
})

/** ONNX's numbers for element types. */
const onnxType = { float32: 1, int32: 6, int64: 7, bool: 9 } as const

traced<{ dtype: tf.DataType }>('Cast', (inputs, { dtype }, backend) => {
  const x = input(inputs, 'x')
  if (dtype === x.dtype) return backend.alias(x)
  const number = backend.splat(x)
  if (number !== undefined) return backend.splatTensor(dtype === 'bool' ? Number(number !== 0) : dtype === 'int32' ? Math.trunc(number) : number, x.shape, dtype)
  const value = backend.broadcastable(x)
  const to = dtype as ValueType
  return backend.tensor(backend.graph.emit('Cast', [value], { shape: value.shape, dtype: to }, { to: onnxType[to] }), x.shape)
})

traced('Select', (inputs, _, backend) => {
  const t = input(inputs, 't')
  const parts = [input(inputs, 'condition'), t, input(inputs, 'e')].map(x => backend.broadcastable(x))
  const shape = parts.map(p => p.shape).reduce<readonly number[]>(broadcastShape, [])
  return backend.tensor(backend.graph.emit('Where', parts, { shape, dtype: t.dtype as ValueType }), t.shape)
})
