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
 * dz = weights · (softmax(z) − onehot(target)), dhidden = dz · weight, dweight = dzᵀ · hidden.
 */
export function linearCrossEntropy({ hidden, weight, targets, weights, trainHead }: HeadLoss): tf.Tensor {
  const S = hidden.shape[0] as number
  return tf.customGrad((...args) => {
    const [hidden, weight, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.GradSaveFunc]
    const z = tf.matMul(hidden as tf.Tensor2D, weight as tf.Tensor2D, false, true) // [S, V]
    const shifted = tf.sub(z, tf.max(z, -1, true))
    const logSum = tf.log(tf.sum(tf.exp(shifted), -1, true)) // [S, 1]
    const columns = tf.reshape(targets, [S, 1])
    const column = tf.reshape(weights, [S, 1])
    save([hidden, weight, shifted, logSum, column, columns])
    return {
      value: tf.sum(tf.mul(column, tf.sub(logSum, takeColumns(shifted, columns)))),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [hidden, weight, shifted, logSum, column, columns] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
        const scale = tf.mul(column, dy)
        const p = tf.exp(tf.sub(shifted, logSum))
        const dz = addAtColumns(tf.mul(p, scale), columns, tf.neg(scale)) as tf.Tensor2D
        return [
          tf.matMul(dz, weight as tf.Tensor2D),
          trainHead ? tf.matMul(dz, hidden as tf.Tensor2D, true, false) : tf.zerosLike(weight),
        ]
      },
    }
  })(hidden, weight)
}

/** log softmax of logits [S, V] at targets [S] int32 → [S]. Without a gradient. */
export function logProbabilities(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  const shifted = tf.sub(logits, tf.max(logits, -1, true))
  const logSum = tf.log(tf.sum(tf.exp(shifted), -1, true)) // [S, 1]
  return tf.reshape(tf.sub(takeColumns(shifted, tf.reshape(targets, [targets.size, 1])), logSum), [targets.size])
}
