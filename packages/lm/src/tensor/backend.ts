import * as tf from '@tensorflow/tfjs-core'
import { Graph, sameShape, sizeOf, typedArray, type Value, type ValueType } from './graph.js'

/**
 * What stands behind one traced tensor. `splat`: every element is this number, nothing has been emitted yet. Otherwise `value`,
 * whose shape may be smaller than the tensor's where elements merely repeat (it then broadcasts to it): operations that broadcast
 * by themselves never need the large one.
 */
type Traced =
  | { readonly type: 'splat'; readonly number: number; readonly dtype: ValueType }
  | { readonly type: 'value'; readonly value: Value }

interface Entry { refCount: number; readonly traced: Traced }

const valueType = (dtype: tf.DataType): ValueType => {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype
  throw new Error(`A compiled program cannot hold ${dtype} tensors.`)
}

/**
 * A tfjs backend that computes nothing: its kernels write operations into a graph. It is registered as 'trace' and is only
 * ever current inside `trace()`.
 */
export class TraceBackend extends tf.KernelBackend {
  private readonly entries = new tf.DataStorage<Entry>(this, tf.engine())
  private current: Graph | undefined

  get graph(): Graph {
    if (!this.current) throw new Error('Internal: the tracing backend is used outside trace().')
    return this.current
  }

  within<T>(graph: Graph, body: () => T): T {
    this.current = graph
    try {
      return body()
    } finally {
      this.current = undefined
    }
  }

  // What tfjs asks of a backend.
  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    return this.store(this.fromNumbers(values as ArrayLike<number>, shape, valueType(dtype)))
  }
  override move(dataId: tf.DataId, values: tf.BackendValues, shape: number[], dtype: tf.DataType, refCount: number): void {
    this.entries.set(dataId, { refCount, traced: this.fromNumbers(values as ArrayLike<number>, shape, valueType(dtype)) })
  }
  override readSync(): never {
    throw new Error('A traced tensor has no numbers: model code must not read tensors back (dataSync, arraySync, print).')
  }
  override read(): never {
    return this.readSync()
  }
  override numDataIds(): number {
    return this.entries.numDataIds()
  }
  override refCount(dataId: tf.DataId): number {
    return this.entries.has(dataId) ? this.entries.get(dataId).refCount : 0
  }
  override incRef(dataId: tf.DataId): void {
    this.entries.get(dataId).refCount++
  }
  override disposeData(dataId: tf.DataId, force = false): boolean {
    if (!this.entries.has(dataId)) return true
    const entry = this.entries.get(dataId)
    entry.refCount--
    if (!force && entry.refCount > 0) return false
    this.entries.delete(dataId)
    return true
  }
  override memory(): { unreliable: boolean } {
    return { unreliable: true }
  }
  override floatPrecision(): 16 | 32 {
    return 32
  }
  override epsilon(): number {
    return 1e-7
  }

  // What kernels ask.

  /** The number that every element of `t` is, if that is known. */
  splat(t: tf.TensorInfo): number | undefined {
    const { traced } = this.entries.get(t.dataId)
    return traced.type === 'splat' ? traced.number : undefined
  }

  /** A value that broadcasts to `t`. */
  broadcastable(t: tf.TensorInfo): Value {
    const { traced } = this.entries.get(t.dataId)
    return traced.type === 'splat' ? this.graph.scalar(traced.number, traced.dtype) : traced.value
  }

  /** A value of exactly the shape of `t`. */
  full(t: tf.TensorInfo): Value {
    const value = this.broadcastable(t)
    if (sameShape(value.shape, t.shape)) return value
    return this.graph.emit('Expand', [value, this.graph.list(t.shape)], { shape: t.shape, dtype: value.dtype })
  }

  /** A tensor backed by `value`, which has its shape or broadcasts to it. */
  tensor(value: Value, shape: readonly number[] = value.shape): tf.TensorInfo {
    return { dataId: this.store({ type: 'value', value }), shape: [...shape], dtype: value.dtype as tf.DataType }
  }

  splatTensor(number: number, shape: readonly number[], dtype: tf.DataType): tf.TensorInfo {
    return { dataId: this.store({ type: 'splat', number, dtype: valueType(dtype) }), shape: [...shape], dtype }
  }

  /** The same elements under another shape of the same size, or broadcast to a larger one. */
  alias(t: tf.TensorInfo, shape: readonly number[] = t.shape): tf.TensorInfo {
    this.incRef(t.dataId)
    return { dataId: t.dataId, shape: [...shape], dtype: t.dtype }
  }

  asTensor(value: Value): tf.Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.tensor(value))
  }

  private store(traced: Traced): tf.DataId {
    const dataId = {}
    this.entries.set(dataId, { refCount: 1, traced })
    return dataId
  }

  private fromNumbers(numbers: ArrayLike<number>, shape: readonly number[], dtype: ValueType): Traced {
    const first = numbers[0]
    if (first !== undefined && isRepeated(numbers, first)) return { type: 'splat', number: Number(first), dtype }
    if (numbers.length !== sizeOf(shape)) throw new Error(`Internal: ${numbers.length} values for the shape [${shape.join(', ')}].`)
    return { type: 'value', value: this.graph.constant(typedArray(dtype, numbers), shape, dtype) }
  }
}

function isRepeated(numbers: ArrayLike<number>, first: number): boolean {
  for (let i = 1; i < numbers.length; i++) if (numbers[i] !== first) return false
  return true
}

export const traceBackend = new TraceBackend()
tf.registerBackend('trace', () => traceBackend, 0)
