import * as tf from '@tensorflow/tfjs-core'
import { scaledMatMul } from './scaled-mat-mul.js'

/** Added to the score of what must not be seen. Not infinite: a difference of two of them must stay a number. */
const HIDDEN = -1e9

/**
 * What position i may see of position j, as a number to add to their score: 0 where j ≤ i and both are in the same segment, else
 * `HIDDEN`. segments [B, T] int32 → [B, 1, 1, T, T].
 */
export function causalSegmentMask(segments: tf.Tensor): tf.Tensor {
  const [B, T] = segments.shape as [number, number]
  const order = tf.range(0, T, 1, 'int32')
  const causal = tf.lessEqual(tf.reshape(order, [1, 1, T]), tf.reshape(order, [1, T, 1])) // [1, T, T]
  const same = tf.equal(tf.reshape(segments, [B, 1, T]), tf.reshape(segments, [B, T, 1])) // [B, T, T]
  const hidden = tf.cast(tf.logicalNot(tf.logicalAnd(causal, same)), 'float32')
  return tf.reshape(tf.mul(hidden, HIDDEN), [B, 1, 1, T, T])
}

/**
 * Softmax attention with grouped queries: query head h reads key-value head ⌊h / G⌋. q [B, K, G, T, D], k and v [B, K, T, D],
 * mask [B, 1, 1, T, T] → [B, K, G, T, D]. The queries of one group are rows of one product, so keys are never repeated.
 *
 * With P = softmax(q kᵀ/√D + mask) and dP = dy vᵀ: dS = P · (dP − rowsum(dy · y)), dq = dS k/√D, dk = dSᵀ q/√D, dv = Pᵀ dy.
 */
export function attention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  const [B, K, G, T, D] = q.shape as [number, number, number, number, number]
  const rows = [B, K, G * T, D]
  const alpha = 1 / Math.sqrt(D)
  return tf.customGrad((...args) => {
    const [q, k, v, mask, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc]
    const queries = tf.reshape(q, rows)
    const scores = scaledMatMul(queries, k, { transposeB: true, alpha }) // [B, K, G·T, T]
    const p = tf.reshape(tf.softmax(tf.add(tf.reshape(scores, [B, K, G, T, T]), mask)), [B, K, G * T, T])
    const y = tf.matMul(p, v) // [B, K, G·T, D]
    save([queries, k, v, mask, p, y])
    return {
      value: tf.reshape(y, q.shape),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [queries, k, v, mask, p, y] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
        const d = tf.reshape(dy, rows)
        const along = tf.sum(tf.mul(d, y), -1, true) // [B, K, G·T, 1]
        const ds = tf.mul(p, tf.sub(tf.matMul(d, v, false, true), along))
        return [
          tf.reshape(scaledMatMul(ds, k, { alpha }), [B, K, G, T, D]),
          scaledMatMul(ds, queries, { transposeA: true, alpha }),
          tf.matMul(p, d, true, false),
          tf.zerosLike(mask), // made from segments, which have no gradient
        ]
      },
    }
  })(q, k, v, mask)
}

/** Keys and values of earlier tokens, [R, K, C, D] each: C is the capacity, of which row r has filled the first lengths[r]. */
export interface Past {
  readonly keys: tf.Tensor
  readonly values: tf.Tensor
}

/** 0 where a row's cache is filled, `HIDDEN` after it. lengths [R] int32 → [R, 1, 1, C]. */
export function pastMask(lengths: tf.Tensor, capacity: number): tf.Tensor {
  const R = lengths.size
  const empty = tf.greaterEqual(tf.reshape(tf.range(0, capacity, 1, 'int32'), [1, capacity]), tf.reshape(lengths, [R, 1]))
  return tf.reshape(tf.mul(tf.cast(empty, 'float32'), HIDDEN), [R, 1, 1, capacity])
}

/**
 * Attention of one new token a row over its past and itself. q [R, K, G, D], k and v [R, K, 1, D], mask from `pastMask` → [R, K, G, D].
 * The cache is read where it lies: the two parts meet in the softmax, and nothing of the cache's size is copied. No gradient.
 */
export function attendToPast(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, past: Past, mask: tf.Tensor): tf.Tensor {
  const capacity = past.keys.shape[2] as number
  const alpha = 1 / Math.sqrt(q.shape[3] as number)
  const before = tf.add(scaledMatMul(q, past.keys, { transposeB: true, alpha }), mask) // [R, K, G, C]
  const itself = scaledMatMul(q, k, { transposeB: true, alpha }) // [R, K, G, 1]
  const p = tf.softmax(tf.concat([before, itself], 3))
  const [toPast, toItself] = tf.split(p, [capacity, 1], 3) as [tf.Tensor, tf.Tensor]
  return tf.add(tf.matMul(toPast, past.values), tf.mul(toItself, v))
}
