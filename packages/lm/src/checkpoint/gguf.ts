import { open } from 'node:fs/promises'
import type { TensorSource } from '../tensor/types.js'
import { CheckpointError } from './checkpoint-error.js'
import { dequantize, ggmlTypes } from './dequantize.js'
import { readGgufHeader, type GgufHeader, type GgufTensor } from './gguf-header.js'
import { ggufGenerationConfig, ggufTokenizerFiles } from './gguf-tokenizer.js'
import type { FloatType } from './safetensors-write.js'

/** A GGUF file as if it were a Hugging Face model folder. */
export interface GgufModel {
  readonly path: string
  readonly configJson: Record<string, unknown>
  /** Under Hugging Face's names, dequantized when read, llama.cpp's order of the rows of Q and K undone. */
  readonly weights: TensorSource
  /** What to store the weights in when they are written again. */
  readonly dtype: FloatType
  /** The metadata as they stand in the file. */
  readonly metadata: GgufHeader['metadata']
  readonly generationConfig: Record<string, unknown>
  /** tokenizer.json, tokenizer_config.json, chat_template.jinja. Throws CheckpointError where the tokenizer cannot be read. */
  tokenizerFiles(): Record<string, string>
}

export const isGguf = (path: string): boolean => /\.gguf$/i.test(path)

const outside: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
}
const inLayer: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm', ffn_norm: 'post_attention_layernorm',
  attn_q: 'self_attn.q_proj', attn_k: 'self_attn.k_proj', attn_v: 'self_attn.v_proj', attn_output: 'self_attn.o_proj',
  ffn_gate: 'mlp.gate_proj', ffn_up: 'mlp.up_proj', ffn_down: 'mlp.down_proj',
}

function huggingFaceName(path: string, name: string): string {
  const layer = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name)
  const found = layer ? inLayer[layer[2]!] && `model.layers.${layer[1]}.${inLayer[layer[2]!]}.${layer[3]}` : outside[name]
  if (!found) {
    throw new CheckpointError(
      path,
      `has the tensor "${name}", which no model that is read has. Use the model's Hugging Face folder`,
    )
  }
  return found
}

/** The shortest decimal that is the same float32: 1e-5 rather than 0.000009999999747378752. */
function shortest(value: number): number {
  for (let digits = 1; digits < 17; digits++) {
    const rounded = Number(value.toPrecision(digits))
    if (Math.fround(rounded) === Math.fround(value)) return rounded
  }
  return value
}

function configOf(path: string, { metadata, tensors }: GgufHeader): Record<string, unknown> {
  const architecture = metadata.get('general.architecture')
  if (architecture !== 'llama') {
    throw new CheckpointError(path, `is of the architecture ${String(architecture)}; only llama is read from GGUF`)
  }
  const scaling = metadata.get('llama.rope.scaling.type')
  if ((scaling !== undefined && scaling !== 'none') || tensors.has('rope_freqs.weight')) {
    throw new CheckpointError(
      path,
      'scales its rotary embeddings, which is not read from GGUF. Use the model\'s Hugging Face folder',
    )
  }
  if (Number(metadata.get('llama.expert_count') ?? 0) > 0) {
    throw new CheckpointError(path, 'is a mixture of experts, which is not read')
  }
  const optional = (key: string) => {
    const value = metadata.get(`llama.${key}`)
    return value === undefined ? undefined : shortest(Number(value))
  }
  const number = (key: string) => {
    const value = optional(key)
    if (value === undefined) throw new CheckpointError(path, `its metadata lack "llama.${key}"`)
    return value
  }
  const embedding = tensors.get('token_embd.weight')
  if (!embedding) throw new CheckpointError(path, 'lacks the tensor "token_embd.weight"')
  const heads = number('attention.head_count')
  const hidden = number('embedding_length')
  const theta = optional('rope.freq_base') ?? 10000
  const headSize = optional('attention.key_length') ?? optional('rope.dimension_count') ?? hidden / heads
  const id = (key: string) => {
    const value = metadata.get(`tokenizer.ggml.${key}_token_id`)
    return value === undefined ? null : Number(value)
  }
  return {
    architectures: ['LlamaForCausalLM'],
    attention_bias: tensors.has('blk.0.attn_q.bias'),
    attention_dropout: 0,
    bos_token_id: id('bos'),
    eos_token_id: id('eos'),
    head_dim: headSize,
    hidden_act: 'silu',
    hidden_size: hidden,
    initializer_range: 0.02,
    intermediate_size: number('feed_forward_length'),
    max_position_embeddings: number('context_length'),
    mlp_bias: false,
    model_type: 'llama',
    num_attention_heads: heads,
    num_hidden_layers: number('block_count'),
    num_key_value_heads: optional('attention.head_count_kv') ?? heads,
    pad_token_id: id('padding'),
    rms_norm_eps: number('attention.layer_norm_rms_epsilon'),
    rope_theta: theta,
    tie_word_embeddings: !tensors.has('output.weight'),
    vocab_size: embedding.shape[0],
  }
}

/** Opens a GGUF file of the Llama architecture. The header is read now, tensors when asked for. Throws CheckpointError. */
export async function openGguf(path: string): Promise<GgufModel> {
  const header = await readGgufHeader(path)
  const configJson = configOf(path, header)
  const heads = configJson.num_attention_heads as number
  const keyValueHeads = configJson.num_key_value_heads as number
  const byName = new Map([...header.tensors.values()].map(tensor => [huggingFaceName(path, tensor.name), tensor]))
  const find = (name: string) => {
    const tensor = byName.get(name)
    if (!tensor) throw new CheckpointError(path, `has no tensor "${name}"`)
    return tensor
  }
  const types = [...byName.values()].filter(t => t.shape.length > 1).map(t => t.type)
  return {
    path, configJson, metadata: header.metadata,
    dtype: types.every(t => t === 'F32') ? 'float32' : types.includes('BF16') ? 'bfloat16' : 'float16',
    weights: {
      names: [...byName.keys()],
      has: name => byName.has(name),
      shape: name => find(name).shape,
      read: async (name, into) => {
        const tensor = find(name)
        const projection = /\.self_attn\.([qk])_proj\./.exec(name)?.[1]
        return readTensor(path, tensor, into, projection === undefined ? undefined : projection === 'q' ? heads : keyValueHeads)
      },
    },
    generationConfig: ggufGenerationConfig(header),
    tokenizerFiles: () => ggufTokenizerFiles(path, header),
  }
}

const chunkBytes = 1 << 22

/**
 * Reads and dequantizes a tensor, row by row. Rows of Q and K lie in llama.cpp's order: within a head the halves that rotary
 * embeddings pair up are interleaved (i, half + i next to each other), in Hugging Face's they follow one another.
 */
async function readTensor(
  path: string,
  tensor: GgufTensor,
  into: Float32Array | undefined,
  interleavedHeads: number | undefined,
): Promise<Float32Array> {
  const count = tensor.shape.reduce((a, b) => a * b, 1)
  const out = into ?? new Float32Array(count)
  if (out.length !== count) {
    throw new Error(`Internal: "${tensor.name}" has ${count} elements, the array to read it into ${out.length}`)
  }
  const rows = tensor.shape[0]!
  const rowElements = count / rows
  const { elements, bytes: blockBytes } = ggmlTypes[tensor.type]
  const file = await open(path, 'r')
  const readAt = async (position: number, length: number) => {
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const { bytesRead } = await file.read(bytes, done, length - done, position + done)
      if (bytesRead === 0) {
        throw new CheckpointError(path, `ends at byte ${position + done}, in the middle of a tensor. Fetch it again`)
      }
      done += bytesRead
    }
    return bytes
  }
  try {
    if (interleavedHeads === undefined) {
      const step = Math.floor(chunkBytes / blockBytes) * blockBytes
      for (let at = 0; at < tensor.bytes; at += step) {
        const bytes = await readAt(tensor.begin + at, Math.min(step, tensor.bytes - at))
        dequantize(tensor.type, bytes, out, (at / blockBytes) * elements)
      }
      return out
    }
    const bytes = await readAt(tensor.begin, tensor.bytes)
    const stored = new Float32Array(count)
    dequantize(tensor.type, bytes, stored)
    const headRows = rows / interleavedHeads
    const half = headRows / 2
    for (let row = 0; row < rows; row++) {
      const within = row % headRows
      const from = row - within + 2 * (within % half) + Math.floor(within / half)
      out.set(stored.subarray(from * rowElements, (from + 1) * rowElements), row * rowElements)
    }
    return out
  } finally {
    await file.close()
  }
}
