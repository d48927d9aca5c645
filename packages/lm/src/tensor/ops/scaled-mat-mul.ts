import * as tf from '@tensorflow/tfjs-core'
import type { MatMulOptions } from '../kernels/matmul.js'

/**
 * alpha · op(a) · op(b) over the last two axes, without a pass of its own for the factor where the backend can. It has no
 * gradient: for use inside the gradients of fused operations.
 */
export function scaledMatMul(a: tf.Tensor, b: tf.Tensor, { transposeA = false, transposeB = false, alpha = 1 }: MatMulOptions): tf.Tensor {
  if (isTracing()) return tf.engine().runKernel('HoneScaledMatMul', { a, b }, { transposeA, transposeB, alpha }) as tf.Tensor
  return tf.mul(tf.matMul(a, b, transposeA, transposeB), alpha)
}

/** Whether tensors are placeholders at the moment, so that kernels of the tracing backend can be asked for by name. */
export const isTracing = (): boolean => tf.engine().backendName === 'trace'
