import * as tf from '@tensorflow/tfjs-core'
import { addAtColumns, takeColumns } from './columns.js'

export interface HeadLoss {
  /** Rows of hidden states at which a token is predicted, [S, E]. */
  readonly hidden: tf.Tensor
  /** The head, [V, E]. */
  readonly weight: tf.Tensor
  /** The tokens that should have been predicted, [S] int32. */
  readonly targets: tf.Tensor
  /** [S]; 0 leaves a row out. */
  readonly weights: tf.Tensor
  /** Whether the head's weight is trained. */
  readonly trainHead: boolean
}

/**
 * Σ weights · (log Σ exp z − z[target]) with z = hidden · weightᵀ: linear layer and cross-entropy in one, so that of everything of
 * size [S, V] one alone need be kept.
 *
 * With p = softmax(z) and m = max z: log Σ exp z = m − log max p, where max p ≥ 1/V. dz = weights · (p − onehot(target)),
 * dhidden = dz · weight, dweight = dzᵀ · hidden, the weights being applied to the smaller factor or result.
 */
export function linearCrossEntropy({ hidden, weight, targets, weights, trainHead }: HeadLoss): tf.Tensor {
  const S = hidden.shape[0] as number
  return tf.customGrad((...args) => {
    const [hidden, weight, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.GradSaveFunc]
    const columns = tf.reshape(targets, [S, 1])
    const column = tf.reshape(weights, [S, 1])
    const z = tf.matMul(hidden as tf.Tensor2D, weight as tf.Tensor2D, false, true) // [S, V]
    const p = tf.softmax(z)
    save([hidden, weight, p, column, columns])
    return {
      value: tf.sum(tf.mul(column, tf.sub(logSumExp(z, p), takeColumns(z, columns)))),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [hidden, weight, p, column, columns] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
        const scale = tf.mul(column, dy) // [S, 1]
        const d = addAtColumns(p, columns, tf.fill([S, 1], -1)) as tf.Tensor2D // dz / scale
        return [
          tf.mul(tf.matMul(d, weight as tf.Tensor2D), scale),
          trainHead ? tf.matMul(d, tf.mul(hidden, scale) as tf.Tensor2D, true, false) : tf.zerosLike(weight),
        ]
      },
    }
  })(hidden, weight)
}

/** log Σ exp z over the last axis, kept, of z with its softmax p. */
const logSumExp = (z: tf.Tensor, p: tf.Tensor): tf.Tensor => tf.sub(tf.max(z, -1, true), tf.log(tf.max(p, -1, true)))

/** log softmax of logits [S, V] at targets [S] int32 → [S]. Without a gradient. */
export function logProbabilities(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  const at = takeColumns(logits, tf.reshape(targets, [targets.size, 1])) // [S, 1]
  return tf.reshape(tf.sub(at, logSumExp(logits, tf.softmax(logits))), [targets.size])
}
