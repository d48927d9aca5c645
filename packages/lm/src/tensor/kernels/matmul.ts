import type * as tf from '@tensorflow/tfjs-core'
import { broadcastShape, type Value } from '../graph.js'
import type { TraceBackend } from '../backend.js'
import { input, traced } from './register.js'

export interface MatMulOptions {
  readonly transposeA?: boolean
  readonly transposeB?: boolean
  /** Multiplies the product. */
  readonly alpha?: number
}

/** Up to this many columns aᵀ · b is computed as (bᵀ · a)ᵀ: 1.1 times as fast for attention's keys, 1.6 times for factors of an adapter. */
const NARROW = 64

/** A product over the last two axes, with transposed operands read in place. */
export function emitMatMul(backend: TraceBackend, a: Value, b: Value, { transposeA, transposeB, alpha = 1 }: MatMulOptions): Value {
  const rows = a.shape.at(transposeA ? -1 : -2) as number
  const columns = b.shape.at(transposeB ? -2 : -1) as number
  if (transposeA && !transposeB && columns <= NARROW && columns < rows) {
    const turned = emitMatMul(backend, b, a, { transposeA, alpha })
    const axes = turned.shape.map((_, i) => i)
    const shape = [...turned.shape.slice(0, -2), rows, columns]
    return backend.graph.emit('Transpose', [turned], { shape, dtype: a.dtype }, { perm: [...axes.slice(0, -2), axes.length - 1, axes.length - 2] })
  }
  const result = { shape: [...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns], dtype: a.dtype }
  if (!transposeA && !transposeB && alpha === 1) return backend.graph.emit('MatMul', [a, b], result)
  const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: alpha } }
  return backend.graph.emit('FusedMatMul', [a, b], result, attributes, 'com.microsoft')
}

const product = (inputs: Readonly<Record<string, tf.TensorInfo>>, options: MatMulOptions, backend: TraceBackend): tf.TensorInfo =>
  backend.tensor(emitMatMul(backend, backend.full(input(inputs, 'a')), backend.full(input(inputs, 'b')), options))

traced<MatMulOptions>('BatchMatMul', product)
traced<MatMulOptions>('HoneScaledMatMul', product)
