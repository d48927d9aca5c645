import type { ValueType } from '../graph.js'
import { input, normalAxes, traced } from './register.js'

traced<{ axis: number; batchDims: number }>('GatherV2', (inputs, { axis, batchDims }, backend) => {
  if (batchDims) throw new Error('A compiled program has no gather with batchDims.')
  const x = input(inputs, 'x')
  const indices = input(inputs, 'indices')
  const [at] = normalAxes(axis, x.shape.length) as [number]
  const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)]
  return backend.tensor(backend.graph.emit('Gather', [backend.full(x), backend.full(indices)], { shape, dtype: x.dtype as ValueType }, { axis: at }))
})

traced<{ depth: number; onValue: number; offValue: number }>('OneHot', (inputs, { depth, onValue, offValue }, backend) => {
  const indices = input(inputs, 'indices')
  const { graph } = backend
  const values = graph.constant(Float32Array.of(offValue, onValue), [2], 'float32')
  return backend.tensor(graph.emit('OneHot', [backend.full(indices), graph.constant(Int32Array.of(depth), [1], 'int32'), values], { shape: [...indices.shape, depth], dtype: 'float32' }, { axis: -1 }))
})

// ONNX Runtime's ScatterND with `add` gives wrong sums for repeated indices on several threads; ScatterElements does not.
traced<{ numSegments: number }>('UnsortedSegmentSum', (inputs, { numSegments }, backend) => {
  const x = input(inputs, 'x')
  const ids = input(inputs, 'segmentIds')
  const { graph } = backend
  const inner = x.shape.slice(1)
  const shape = [numSegments, ...inner]
  const zeros = graph.emit('Expand', [graph.scalar(0, 'float32'), graph.list(shape)], { shape, dtype: 'float32' })
  const column = graph.emit('Reshape', [backend.full(ids), graph.list([ids.shape[0] as number, ...inner.map(() => 1)])],
    { shape: [ids.shape[0] as number, ...inner.map(() => 1)], dtype: 'int32' })
  const index = graph.emit('Expand', [column, graph.list(x.shape)], { shape: x.shape, dtype: 'int32' })
  return backend.tensor(graph.emit('ScatterElements', [zeros, index, backend.full(x)], { shape, dtype: 'float32' }, { axis: 0, reduction: 'add' }))
})

// x [R, C] plus updates [R, 1] at columns [R, 1]: one element of each row.
traced('HoneAddAtColumns', (inputs, _, backend) => {
  const x = backend.full(input(inputs, 'x'))
  const [columns, updates] = [backend.full(input(inputs, 'columns')), backend.full(input(inputs, 'updates'))]
  return backend.tensor(backend.graph.emit('ScatterElements', [x, columns, updates], x, { axis: 1, reduction: 'add' }))
})

traced('HoneTakeColumns', (inputs, _, backend) => {
  const columns = backend.full(input(inputs, 'columns'))
  return backend.tensor(backend.graph.emit('GatherElements', [backend.full(input(inputs, 'x')), columns], { shape: columns.shape, dtype: 'float32' }, { axis: 1 }))
})
