import * as tf from '@tensorflow/tfjs-core'

/**
 * Root mean square normalisation (Zhang and Sennrich, 2019): y = x · r · weight with r = 1/√(mean(x²) + epsilon), over the last axis.
 * x [N, E], weight [E].
 *
 * With d = dy · weight: dx = r · d − x · r³ · mean(d · x), dweight = Σ_N dy · x · r.
 */
export function rmsNorm(x: tf.Tensor, weight: tf.Tensor, epsilon: number): tf.Tensor {
  return tf.customGrad((...args) => {
    const [x, weight, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.GradSaveFunc]
    const r = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon)) // [N, 1]
    save([x, weight, r])
    return {
      value: tf.mul(tf.mul(x, r), weight),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, weight, r] = saved as [tf.Tensor, tf.Tensor, tf.Tensor]
        const d = tf.mul(dy, weight)
        const along = tf.mul(tf.mean(tf.mul(d, x), -1, true), tf.mul(r, tf.square(r))) // [N, 1]
        return [tf.sub(tf.mul(d, r), tf.mul(x, along)), tf.sum(tf.mul(dy, tf.mul(x, r)), 0)]
      },
    }
  })(x, weight)
}
