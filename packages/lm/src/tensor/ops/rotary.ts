import * as tf from '@tensorflow/tfjs-core'

/** Cosine and sine of every position's angles, [N, 1, D/2] each: they broadcast over heads. */
export interface RotaryAngles {
  readonly cos: tf.Tensor
  readonly sin: tf.Tensor
}

/**
 * The angles of `positions` [N] (int32, below `maxPositions`) for heads of size `headSize`: position · theta^(−2i/headSize)
 * for i < headSize/2 (Su et al., 2021). The tables are made in float64 and rounded once.
 */
export function rotaryAngles(positions: tf.Tensor, maxPositions: number, headSize: number, theta: number): RotaryAngles {
  const half = headSize / 2
  const cos = new Float32Array(maxPositions * half)
  const sin = new Float32Array(maxPositions * half)
  for (let i = 0; i < half; i++) {
    // Hugging Face computes the frequencies in float32 and so trained its models with them.
    const frequency = Math.fround(1 / Math.fround(theta ** Math.fround((2 * i) / headSize)))
    for (let position = 0; position < maxPositions; position++) {
      const angle = Math.fround(position * frequency)
      cos[position * half + i] = Math.cos(angle)
      sin[position * half + i] = Math.sin(angle)
    }
  }
  const look = (table: Float32Array): tf.Tensor =>
    tf.reshape(tf.gather(tf.tensor(table, [maxPositions, half]), positions as tf.Tensor1D), [positions.size, 1, half])
  return { cos: look(cos), sin: look(sin) }
}

/**
 * Turns the pairs (i, i + D/2) of each head, Hugging Face's half-split convention. x [N, heads, D].
 * The gradient is the turn by the opposite angles.
 */
export function rotary(x: tf.Tensor, angles: RotaryAngles): tf.Tensor {
  return tf.customGrad((...args) => {
    const [x, cos, sin, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc]
    save([cos, sin])
    return {
      value: turn(x, cos, sin),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [cos, sin] = saved as [tf.Tensor, tf.Tensor]
        // Angles come from positions, which have no gradient.
        return [turn(dy, cos, tf.neg(sin)), tf.zerosLike(cos), tf.zerosLike(sin)]
      },
    }
  })(x, angles.cos, angles.sin)
}

function turn(x: tf.Tensor, cos: tf.Tensor, sin: tf.Tensor): tf.Tensor {
  const [first, second] = tf.split(x, 2, 2) as [tf.Tensor, tf.Tensor] // [N, heads, D/2]
  return tf.concat([tf.sub(tf.mul(first, cos), tf.mul(second, sin)), tf.add(tf.mul(second, cos), tf.mul(first, sin))], 2)
}
