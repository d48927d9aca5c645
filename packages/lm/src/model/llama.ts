import * as tf from '@tensorflow/tfjs-core'
import { attendToPast, attention, causalSegmentMask, pastMask, type Past } from '../tensor/ops/attention.js'
import { rmsNorm } from '../tensor/ops/rms-norm.js'
import { rotary, rotaryAngles } from '../tensor/ops/rotary.js'
import { swiGlu } from '../tensor/ops/swiglu.js'
import { EMBEDDING, headName, type LlamaConfig } from './llama-config.js'

// B rows of T tokens, N = B·T positions in one flat list; E hidden size, F intermediate size, V vocabulary;
// H query heads in K groups of G = H/K, one key-value head each, all of size D.

/** A model's weights, and how its linear layers multiply: plainly, or with an adapter on top. */
export interface Llama {
  readonly config: LlamaConfig
  weight(name: string): tf.Tensor
  /** x [N, in] → [N, out], with the layer `model.layers.0.self_attn.q_proj` and the like. */
  linear(x: tf.Tensor, module: string): tf.Tensor
}

/** How one layer looks at other positions: q [N, H, D], k and v [N, K, D], already turned → [N, H, D]. */
export type Attend = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, layer: number) => tf.Tensor

export function plainLlama(config: LlamaConfig, weight: (name: string) => tf.Tensor): Llama {
  return { config, weight, linear: (x, module) => tf.matMul(x as tf.Tensor2D, weight(`${module}.weight`) as tf.Tensor2D, false, true) }
}

/** ids [N] int32 → [N, E]. */
export const embed = (model: Llama, ids: tf.Tensor): tf.Tensor => tf.gather(model.weight(EMBEDDING), ids as tf.Tensor1D)

/**
 * Embedded tokens [N, E] at `positions` [N] (int32, below `maxPositions`) → hidden states [N, E], normalised and ready for the head.
 */
export function llamaHidden(model: Llama, embedded: tf.Tensor, positions: tf.Tensor, maxPositions: number, attend: Attend): tf.Tensor {
  const { config } = model
  const { heads: H, keyValueHeads: K, headSize: D } = config
  const N = embedded.shape[0] as number
  const angles = rotaryAngles(positions, maxPositions, D, config.ropeTheta)
  const norm = (x: tf.Tensor, name: string): tf.Tensor => rmsNorm(x, model.weight(`${name}.weight`), config.normEpsilon)

  let x = embedded
  for (let i = 0; i < config.layers; i++) {
    const layer = `model.layers.${i}`
    const a = norm(x, `${layer}.input_layernorm`)
    const q = tf.reshape(model.linear(a, `${layer}.self_attn.q_proj`), [N, H, D])
    const k = tf.reshape(model.linear(a, `${layer}.self_attn.k_proj`), [N, K, D])
    const v = tf.reshape(model.linear(a, `${layer}.self_attn.v_proj`), [N, K, D])
    const seen = attend(rotary(q, angles), rotary(k, angles), v, i) // [N, H, D]
    x = tf.add(x, model.linear(tf.reshape(seen, [N, H * D]), `${layer}.self_attn.o_proj`))

    const m = norm(x, `${layer}.post_attention_layernorm`)
    const gated = swiGlu(model.linear(m, `${layer}.mlp.gate_proj`), model.linear(m, `${layer}.mlp.up_proj`)) // [N, F]
    x = tf.add(x, model.linear(gated, `${layer}.mlp.down_proj`))
  }
  return norm(x, 'model.norm')
}

/** The matrix of the head, [V, E]. */
export const headWeight = (model: Llama): tf.Tensor => model.weight(headName(model.config))

/** hidden [S, E] → logits [S, V]. */
export const llamaLogits = (model: Llama, hidden: tf.Tensor): tf.Tensor =>
  tf.matMul(hidden as tf.Tensor2D, headWeight(model) as tf.Tensor2D, false, true)

/** Whole rows at once: each position sees those before it in its own segment. segments [B·T] int32, 0 for padding. */
export function attendWithinSegments(segments: tf.Tensor, B: number, T: number): Attend {
  const mask = causalSegmentMask(tf.reshape(segments, [B, T])) // [B, 1, 1, T, T]
  return (q, k, v) => {
    const [N, H, D] = q.shape as [number, number, number]
    const K = k.shape[1] as number
    const byHead = (t: tf.Tensor, heads: number): tf.Tensor => tf.transpose(tf.reshape(t, [B, T, heads, D]), [0, 2, 1, 3])
    const queries = tf.reshape(byHead(q, H), [B, K, H / K, T, D])
    const y = attention(queries, byHead(k, K), byHead(v, K), mask) // [B, K, G, T, D]
    return tf.reshape(tf.transpose(tf.reshape(y, [B, H, T, D]), [0, 2, 1, 3]), [N, H, D])
  }
}

/** The same as `attend`, keeping what each layer's keys and values were ([N, K, D], keys turned) for a cache. */
export function keeping(attend: Attend, kept: { keys: tf.Tensor[]; values: tf.Tensor[] }): Attend {
  return (q, k, v, layer) => {
    kept.keys[layer] = k
    kept.values[layer] = v
    return attend(q, k, v, layer)
  }
}

/** One new token in each of R rows, after the `lengths` [R] (int32) tokens that its cache holds. `past` by layer. */
export function attendAfter(past: readonly Past[], lengths: tf.Tensor): Attend {
  const mask = pastMask(lengths, past[0]?.keys.shape[2] as number)
  return (q, k, v, layer) => {
    const [R, H, D] = q.shape as [number, number, number]
    const K = k.shape[1] as number
    const one = (t: tf.Tensor): tf.Tensor => tf.reshape(t, [R, K, 1, D])
    const y = attendToPast(tf.reshape(q, [R, K, H / K, D]), one(k), one(v), past[layer] as Past, mask) // [R, K, G, D]
    return tf.reshape(y, [R, H, D])
  }
}
