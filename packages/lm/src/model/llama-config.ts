import type { TensorSpec } from '../tensor/types.js'

/** The sizes of a Llama model (Touvron et al., 2023; grouped-query attention as in Llama 2). */
export interface LlamaConfig {
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headSize: number
  readonly intermediateSize: number
  readonly vocabSize: number
  readonly normEpsilon: number
  readonly ropeTheta: number
  readonly maxPositions: number
  /** The head shares the embedding's matrix. */
  readonly tiedEmbeddings: boolean
  /** Standard deviation of fresh weights. */
  readonly initializerRange: number
}

type Json = Readonly<Record<string, unknown>>

/**
 * Reads a Hugging Face `config.json`. Defaults are those of transformers' LlamaConfig. Throws an Error that names the field where
 * the model is of another family or needs what is not implemented: computing something else silently is worse than not at all.
 */
export function parseLlamaConfig(configJson: unknown): LlamaConfig {
  if (typeof configJson !== 'object' || configJson === null) throw new Error('config.json: expected an object')
  const json = configJson as Json
  only(json, 'model_type', ['llama'])
  only(json, 'hidden_act', ['silu', undefined])
  only(json, 'attention_bias', [false, undefined])
  only(json, 'mlp_bias', [false, undefined])
  only(json, 'pretraining_tp', [1, undefined])
  only(json, 'quantization_config', [undefined, null])
  const hiddenSize = count(json, 'hidden_size')
  const heads = count(json, 'num_attention_heads')
  const keyValueHeads = count(json, 'num_key_value_heads', heads)
  const headSize = count(json, 'head_dim', hiddenSize / heads)
  if (heads % keyValueHeads) {
    throw new Error(`config.json: "num_attention_heads" (${heads}) must be a multiple of "num_key_value_heads" (${keyValueHeads})`)
  }
  if (headSize % 2) throw new Error(`config.json: "head_dim" must be even for rotary embeddings; got ${headSize}`)
  return {
    hiddenSize,
    heads,
    keyValueHeads,
    headSize,
    layers: count(json, 'num_hidden_layers'),
    intermediateSize: count(json, 'intermediate_size'),
    vocabSize: count(json, 'vocab_size'),
    maxPositions: count(json, 'max_position_embeddings', 2048),
    normEpsilon: positive(json, 'rms_norm_eps', 1e-6),
    initializerRange: positive(json, 'initializer_range', 0.02),
    ropeTheta: ropeTheta(json),
    tiedEmbeddings: json['tie_word_embeddings'] === true,
  }
}

/** transformers 5 writes `rope_parameters` with theta inside, before it was `rope_theta`, with `rope_scaling` for variants. */
function ropeTheta(json: Json): number {
  for (const field of ['rope_parameters', 'rope_scaling']) {
    const rope = json[field]
    if (rope === undefined || rope === null) continue
    if (typeof rope !== 'object') throw new Error(`config.json: "${field}" must be an object`)
    const type = (rope as Json)['rope_type'] ?? (rope as Json)['type'] ?? 'default'
    if (type !== 'default') throw new Error(`config.json: "${field}" asks for rotary embeddings of type ${JSON.stringify(type)}; supported: "default"`)
    if ((rope as Json)['rope_theta'] !== undefined) return positive(rope as Json, 'rope_theta', 10000)
  }
  return positive(json, 'rope_theta', 10000)
}

function only(json: Json, field: string, supported: readonly unknown[]): void {
  if (supported.includes(json[field])) return
  const list = supported.filter(s => s !== undefined).map(s => JSON.stringify(s)).join(', ')
  throw new Error(`config.json: "${field}" is ${JSON.stringify(json[field])}; supported: ${list}`)
}

function positive(json: Json, field: string, fallback?: number): number {
  const value = json[field] ?? fallback
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  throw new Error(`config.json: "${field}" must be a positive number; got ${JSON.stringify(value)}`)
}

function count(json: Json, field: string, fallback?: number): number {
  const value = positive(json, field, fallback)
  if (Number.isInteger(value)) return value
  throw new Error(`config.json: "${field}" must be a whole number; got ${value}`)
}

/** The linear layers of one decoder layer, by the end of their names, with their [out, in] sizes. */
export function llamaLinears(c: LlamaConfig): readonly { readonly module: string; readonly out: number; readonly in: number }[] {
  const E = c.hiddenSize
  const F = c.intermediateSize
  const queries = c.heads * c.headSize
  const keys = c.keyValueHeads * c.headSize
  return [
    { module: 'self_attn.q_proj', out: queries, in: E },
    { module: 'self_attn.k_proj', out: keys, in: E },
    { module: 'self_attn.v_proj', out: keys, in: E },
    { module: 'self_attn.o_proj', out: E, in: queries },
    { module: 'mlp.gate_proj', out: F, in: E },
    { module: 'mlp.up_proj', out: F, in: E },
    { module: 'mlp.down_proj', out: E, in: F },
  ]
}

export const EMBEDDING = 'model.embed_tokens.weight'

/** The name of the matrix that the head multiplies with. */
export const headName = (c: LlamaConfig): string => (c.tiedEmbeddings ? EMBEDDING : 'lm_head.weight')

/** Every parameter under Hugging Face's name, with its shape, in the order of the model. */
export function llamaParameters(c: LlamaConfig): TensorSpec[] {
  const spec = (name: string, ...shape: number[]): TensorSpec => ({ name, shape, dtype: 'float32' })
  const E = c.hiddenSize
  const layers = Array.from({ length: c.layers }, (_, i) => `model.layers.${i}`)
  return [
    spec(EMBEDDING, c.vocabSize, E),
    ...layers.flatMap(layer => [
      spec(`${layer}.input_layernorm.weight`, E),
      ...llamaLinears(c).map(l => spec(`${layer}.${l.module}.weight`, l.out, l.in)),
      spec(`${layer}.post_attention_layernorm.weight`, E),
    ]),
    spec('model.norm.weight', E),
    ...(c.tiedEmbeddings ? [] : [spec('lm_head.weight', c.vocabSize, E)]),
  ]
}
