import * as tf from '@tensorflow/tfjs-core'

/**
 * silu(gate) · up with silu(z) = z · σ(z) (Shazeer, 2020). Both [N, F].
 *
 * dup = dy · silu(gate), dgate = dy · up · σ · (1 + gate · (1 − σ)).
 */
export function swiGlu(gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  return tf.customGrad((...args) => {
    const [gate, up, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.GradSaveFunc]
    const sigma = tf.sigmoid(gate)
    const silu = tf.mul(gate, sigma)
    save([up, sigma, silu])
    return {
      value: tf.mul(silu, up),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [up, sigma, silu] = saved as [tf.Tensor, tf.Tensor, tf.Tensor]
        // σ · (1 + gate · (1 − σ)) = σ + silu · (1 − σ) = silu + σ · (1 − silu)
        const slope = tf.add(silu, tf.mul(sigma, tf.sub(1, silu)))
        return [tf.mul(tf.mul(dy, up), slope), tf.mul(dy, silu)]
      },
    }
  })(gate, up)
}
