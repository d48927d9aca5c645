import * as tf from '@tensorflow/tfjs-core'
import { recompute } from './recompute.js'
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

export interface AttentionOptions {
  /** Queries are taken this many positions at a time: each block multiplies with the keys up to its own end alone. */
  readonly block?: number
  /** Probabilities above this size are computed again for the gradient rather than kept. */
  readonly keptBytes?: number
}

/**
 * Causal softmax attention with grouped queries: query head h reads key-value head ⌊h / G⌋. q [B, K, G, T, D], k and v [B, K, T, D],
 * mask from `causalSegmentMask` → [B, K, G, T, D]. The queries of one group are rows of one product, so keys are never repeated; scores are
 * computed in blocks of queries, so that of what lies above the diagonal little is.
 *
 * With P = softmax(q kᵀ/√D + mask) and dP = dy vᵀ: dS = P · (dP − rowsum(dy · y)), dq = dS k/√D, dk = dSᵀ q/√D, dv = Pᵀ dy.
 */
export function attention(
  q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: tf.Tensor, { block: length = 128, keptBytes = 16 * 2 ** 20 }: AttentionOptions = {},
): tf.Tensor {
  const [B, K, G, T, D] = q.shape as [number, number, number, number, number]
  const alpha = 1 / Math.sqrt(D)
  const starts = Array.from({ length: Math.ceil(T / length) }, (_, i) => i * length)
  const end = (start: number): number => Math.min(T, start + length)
  /** Positions [start, end) of x [B, K, G, T, D] as rows [B, K, G · n, D]. */
  const block = (x: tf.Tensor, start: number): tf.Tensor =>
    tf.reshape(tf.slice(x, [0, 0, 0, start, 0], [B, K, G, end(start) - start, D]), [B, K, -1, D])
  const upTo = (x: tf.Tensor, start: number): tf.Tensor => tf.slice(x, [0, 0, 0, 0], [B, K, end(start), D])
  const joined = (rows: tf.Tensor[]): tf.Tensor => tf.concat(rows.map((r, i) => tf.reshape(r, [B, K, G, end(starts[i] as number) - (starts[i] as number), D])), 3)
  const probabilities = (q: tf.Tensor, k: tf.Tensor, mask: tf.Tensor, start: number): tf.Tensor => {
    const [n, seen] = [end(start) - start, end(start)]
    const scores = scaledMatMul(block(q, start), upTo(k, start), { transposeB: true, alpha }) // [B, K, G·n, seen]
    const hidden = tf.slice(mask, [0, 0, 0, start, 0], [B, 1, 1, n, seen])
    return tf.reshape(tf.softmax(tf.add(tf.reshape(scores, [B, K, G, n, seen]), hidden)), [B, K, G * n, seen])
  }
  const keep = B * K * G * T * T * 2 <= keptBytes // 4 bytes, half of them above the diagonal

  return tf.customGrad((...args) => {
    const [q, k, v, mask, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc]
    const p = starts.map(start => probabilities(q, k, mask, start))
    const y = joined(starts.map((start, i) => tf.matMul(p[i] as tf.Tensor, upTo(v, start)))) // [B, K, G, T, D]
    save([q, k, v, mask, y, ...(keep ? p : [])])
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [q, k, v, mask, y, ...kept] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, ...tf.Tensor[]]
        const along = tf.sum(tf.mul(dy, y), -1, true) // [B, K, G, T, 1]
        const dq: tf.Tensor[] = []
        const dk: tf.Tensor[] = []
        const dv: tf.Tensor[] = []
        const grown = (x: tf.Tensor, start: number): tf.Tensor => tf.pad(x, [[0, 0], [0, 0], [0, T - end(start)], [0, 0]])
        starts.forEach((start, i) => {
          const p = kept[i] ?? recompute(() => probabilities(q, k, mask, start))
          const d = block(dy, start)
          const rest = tf.reshape(tf.slice(along, [0, 0, 0, start, 0], [B, K, G, end(start) - start, 1]), [B, K, -1, 1])
          const ds = tf.mul(p, tf.sub(tf.matMul(d, upTo(v, start), false, true), rest)) // [B, K, G·n, seen]
          dq.push(scaledMatMul(ds, upTo(k, start), { alpha }))
          dk.push(grown(scaledMatMul(ds, block(q, start), { transposeA: true, alpha }), start))
          dv.push(grown(tf.matMul(p, d, true, false), start))
        })
        return [joined(dq), tf.addN(dk), tf.addN(dv), tf.zerosLike(mask)] // the mask is made from segments, which have no gradient
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
