import type * as tf from '@tensorflow/tfjs-core'
import { sameShape, sizeOf, type ValueType } from '../graph.js'
import type { TraceBackend } from '../backend.js'
import { input, normalAxes, traced } from './register.js'

function reshape(backend: TraceBackend, x: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo {
  if (sameShape(shape, x.shape) || backend.splat(x) !== undefined) return backend.alias(x, shape)
  const value = backend.broadcastable(x)
  if (sizeOf(value.shape) === 1) {
    // One repeated number stays one under any shape.
    const scalar = value.shape.length === 0 ? value : backend.graph.emit('Reshape', [value, backend.graph.list([])], { shape: [], dtype: value.dtype })
    return backend.tensor(scalar, shape)
  }
  return backend.tensor(backend.graph.emit('Reshape', [backend.full(x), backend.graph.list(shape)], { shape, dtype: value.dtype }))
}

traced('Identity', (inputs, _, backend) => backend.alias(input(inputs, 'x')))

traced<{ shape: number[] }>('Reshape', (inputs, { shape }, backend) => {
  const x = input(inputs, 'x')
  const known = sizeOf(shape.filter(d => d !== -1))
  return reshape(backend, x, shape.map(d => (d === -1 ? sizeOf(x.shape) / known : d)))
})

traced<{ dim: number }>('ExpandDims', (inputs, { dim }, backend) => {
  const x = input(inputs, 'input')
  const shape = [...x.shape]
  shape.splice(dim < 0 ? dim + shape.length + 1 : dim, 0, 1)
  return reshape(backend, x, shape)
})

traced<{ perm: number[] }>('Transpose', (inputs, { perm }, backend) => {
  const x = input(inputs, 'x')
  const shape = perm.map(p => x.shape[p] as number)
  if (perm.every((p, i) => p === i) || backend.splat(x) !== undefined) return backend.alias(x, shape)
  // Where only axes of size 1 move, nothing moves in memory.
  const moved = perm.filter(p => x.shape[p] !== 1)
  if (moved.every((p, i) => i === 0 || p > (moved[i - 1] as number))) return reshape(backend, x, shape)
  return backend.tensor(backend.graph.emit('Transpose', [backend.full(x)], { shape, dtype: x.dtype as ValueType }, { perm: [...perm] }))
})

traced<{ begin: number[]; size: number[] }>('Slice', (inputs, { begin, size }, backend) => {
  const x = input(inputs, 'x')
  const shape = size.map((d, i) => (d === -1 ? (x.shape[i] as number) - (begin[i] as number) : d))
  const axes = shape.flatMap((d, i) => (d === x.shape[i] ? [] : [i]))
  if (axes.length === 0 || backend.splat(x) !== undefined) return backend.alias(x, shape)
  const { graph } = backend
  const starts = axes.map(a => begin[a] as number)
  const ends = axes.map(a => (begin[a] as number) + (shape[a] as number))
  return backend.tensor(graph.emit('Slice', [backend.full(x), graph.list(starts), graph.list(ends), graph.list(axes)], { shape, dtype: x.dtype as ValueType }))
})

traced<{ axis: number }>('Concat', (inputs, { axis }, backend) => {
  const parts = (Object.values(inputs) as tf.TensorInfo[]).filter(t => sizeOf(t.shape) > 0)
  const [first] = parts as [tf.TensorInfo]
  const [at] = normalAxes(axis, first.shape.length) as [number]
  if (parts.length === 1) return backend.alias(first)
  const shape = first.shape.map((d, i) => (i === at ? parts.reduce((n, t) => n + (t.shape[at] as number), 0) : d))
  return backend.tensor(backend.graph.emit('Concat', parts.map(t => backend.full(t)), { shape, dtype: first.dtype as ValueType }, { axis: at }))
})

traced<{ axis: number; numOrSizeSplits: number | number[] }>('SplitV', (inputs, { axis, numOrSizeSplits }, backend) => {
  const x = input(inputs, 'x')
  const [at] = normalAxes(axis, x.shape.length) as [number]
  const length = x.shape[at] as number
  const sizes = typeof numOrSizeSplits === 'number' ? Array.from({ length: numOrSizeSplits }, () => length / numOrSizeSplits) : numOrSizeSplits
  const results = sizes.map(size => ({ shape: x.shape.map((d, i) => (i === at ? size : d)), dtype: x.dtype as ValueType }))
  return backend.graph.emitMany('Split', [backend.full(x), backend.graph.list(sizes)], results, { axis: at }).map(v => backend.tensor(v))
})

traced<{ paddings: [number, number][]; constantValue: number }>('PadV2', (inputs, { paddings, constantValue }, backend) => {
  const x = input(inputs, 'x')
  const dtype = x.dtype as ValueType
  const shape = x.shape.map((d, i) => d + (paddings[i]?.[0] ?? 0) + (paddings[i]?.[1] ?? 0))
  const pads = backend.graph.list([...paddings.map(p => p[0]), ...paddings.map(p => p[1])])
  return backend.tensor(backend.graph.emit('Pad', [backend.full(x), pads, backend.graph.scalar(constantValue, dtype)], { shape, dtype }, { mode: 'constant' }))
})

traced<{ reps: number[] }>('Tile', (inputs, { reps }, backend) => {
  const x = input(inputs, 'x')
  const shape = x.shape.map((d, i) => d * (reps[i] as number))
  // Repeating an axis of size 1 is broadcasting, which needs no memory.
  if (x.shape.every((d, i) => d === 1 || reps[i] === 1)) {
    return backend.splat(x) === undefined ? backend.tensor(backend.broadcastable(x), shape) : backend.alias(x, shape)
  }
  return backend.tensor(backend.graph.emit('Tile', [backend.full(x), backend.graph.list(reps)], { shape, dtype: x.dtype as ValueType }))
})
