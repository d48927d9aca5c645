import * as tf from '@tensorflow/tfjs-core'
import { philox } from '../../random/philox.js'
import { recompute } from './recompute.js'

// Which elements are dropped is computed from numbers that are fed, with no state in any engine. Element (n, c) of a mask is kept where
//   key[n] · channel[c] mod 2³², as a signed number, is at least −2³¹ + rate · 2³²
// (multiplicative hashing: Knuth, TAOCP 3, 6.4). Keys and channels are odd and lie in [2²⁵, 2²⁶), so that their product is below 2⁵² and wraps
// in the same way where it is computed as a double. A mask costs one number a token to feed and two passes to compute.

/** An odd number of 26 bits, from 32 random ones. */
export const dropoutKey = (word: number): number => 0x2000001 | ((word >>> 7) << 1)

const CHANNELS = 'channels'.split('').reduce((hash, c) => Math.imul(hash ^ c.charCodeAt(0), 0x01000193), 0x811c9dc5) >>> 0

/** The numbers of the channels, the same for all masks: int32 [count]. */
function channelKeys(count: number): Int32Array {
  const keys = new Int32Array(count)
  for (let i = 0; i < count; i += 4) philox([i / 4, 0, 0, 0], [0, CHANNELS]).forEach((word, j) => { keys[i + j] = dropoutKey(word) })
  return keys
}

/** Of tokens with `keys` (int32, N of them, of `dropoutKey`) the elements that are kept: bool [N, channels]. `rate` in (0, 1). */
export function keptMask(keys: tf.Tensor, channels: number, rate: number): tf.Tensor {
  const products = tf.mul(tf.reshape(keys, [keys.size, 1]), tf.tensor2d(channelKeys(channels), [1, channels], 'int32'))
  return tf.greaterEqual(products, tf.scalar(Math.round(rate * 2 ** 32) - 2 ** 31, 'int32'))
}

/**
 * (x ⊙ kept) · wᵀ, not scaled. x [N, I], w [R, I], `kept` gives bool [N, I] → [N, R]. dx = (dy · w) ⊙ kept, dw = dyᵀ · (x ⊙ kept); of the two the
 * mask alone is kept until then, a byte an element.
 */
export function droppedMatMul(x: tf.Tensor, w: tf.Tensor, kept: () => tf.Tensor): tf.Tensor {
  return tf.customGrad((...args) => {
    const [x, w, save] = args as unknown as [tf.Tensor2D, tf.Tensor2D, tf.GradSaveFunc]
    const mask = kept()
    save([x, w, mask])
    return {
      value: tf.matMul(dropped(x, mask), w, false, true),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, w, mask] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor]
        return [
          dropped(tf.matMul(dy as tf.Tensor2D, w), mask),
          tf.matMul(dy as tf.Tensor2D, recompute(() => dropped(x, mask)), true, false),
        ]
      },
    }
  })(x, w)
}

const dropped = (x: tf.Tensor2D, mask: tf.Tensor): tf.Tensor2D => tf.mul(x, tf.cast(mask, 'float32'))
