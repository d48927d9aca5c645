import * as tf from '@tensorflow/tfjs-core'
import { isTracing } from './scaled-mat-mul.js'

// One element of each row. Neither has a gradient: for use inside fused operations.

/** x [R, C], columns [R, 1] int32 → [R, 1]. */
export function takeColumns(x: tf.Tensor, columns: tf.Tensor): tf.Tensor {
  if (isTracing()) return tf.engine().runKernel('HoneTakeColumns', { x, columns }) as tf.Tensor
  return tf.sum(tf.mul(x, mark(x, columns)), 1, true)
}

/** x [R, C] with updates [R, 1] added in columns [R, 1] int32. */
export function addAtColumns(x: tf.Tensor, columns: tf.Tensor, updates: tf.Tensor): tf.Tensor {
  if (isTracing()) return tf.engine().runKernel('HoneAddAtColumns', { x, columns, updates }) as tf.Tensor
  return tf.add(x, tf.mul(mark(x, columns), updates))
}

const mark = (x: tf.Tensor, columns: tf.Tensor): tf.Tensor => tf.oneHot(tf.reshape(columns, [columns.size]) as tf.Tensor1D, x.shape[1] as number)
