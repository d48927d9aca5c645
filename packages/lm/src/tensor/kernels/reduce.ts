import { input, normalAxes, traced } from './register.js'
import { sizeOf, type Attribute, type ValueType } from '../graph.js'

interface Reduction {
  readonly axis?: number | readonly number[]
  /** The name that tfjs gives the axes of Max and Min. */
  readonly reductionIndices?: number | readonly number[]
  readonly keepDims?: boolean
}

function reduction(kernelName: string, op: string): void {
  traced<Reduction>(kernelName, (inputs, { axis, reductionIndices, keepDims }, backend) => {
    const x = input(inputs, 'x')
    const axes = normalAxes(axis ?? reductionIndices, x.shape.length)
    if (axes.length === 0) return backend.alias(x)
    const shape = x.shape.flatMap((d, i) => (!axes.includes(i) ? [d] : keepDims ? [1] : []))
    const count = sizeOf(axes.map(a => x.shape[a] as number))
    const number = backend.splat(x)
    if (number !== undefined && x.dtype === 'float32') return backend.splatTensor(op === 'ReduceSum' ? number * count : number, shape, x.dtype)
    const attributes: Record<string, Attribute> = { keepdims: keepDims ? 1 : 0 }
    return backend.tensor(backend.graph.emit(op, [backend.full(x), backend.graph.list(axes)], { shape, dtype: x.dtype as ValueType }, attributes))
  })
}

reduction('Sum', 'ReduceSum')
reduction('Mean', 'ReduceMean')
reduction('Max', 'ReduceMax')
reduction('Min', 'ReduceMin')

traced<{ axis: number; keepDims?: boolean }>('ArgMax', (inputs, { axis }, backend) => {
  const x = input(inputs, 'x')
  const [at] = normalAxes(axis, x.shape.length) as [number]
  const shape = x.shape.filter((_, i) => i !== at)
  const index = backend.graph.emit('ArgMax', [backend.full(x)], { shape, dtype: 'int64' }, { axis: at, keepdims: 0 })
  return backend.tensor(backend.graph.emit('Cast', [index], { shape, dtype: 'int32' }, { to: 6 }))
})

traced<{ dim: number }>('Softmax', (inputs, { dim }, backend) => {
  const value = backend.full(input(inputs, 'logits'))
  return backend.tensor(backend.graph.emit('Softmax', [value], value, { axis: dim < 0 ? dim + value.shape.length : dim }))
})

traced<{ axis: number }>('LogSoftmax', (inputs, { axis }, backend) => {
  const value = backend.full(input(inputs, 'logits'))
  return backend.tensor(backend.graph.emit('LogSoftmax', [value], value, { axis: axis < 0 ? axis + value.shape.length : axis }))
})
