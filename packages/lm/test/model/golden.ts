import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openModelFolder, openSafetensors } from '../../src/checkpoint/index.js'
import { parseLlamaConfig, type LlamaConfig } from '../../src/model/llama-config.js'
import type { TrainStep, TuningMethod } from '../../src/model/train-step.js'
import type { TensorData, TensorSource } from '../../src/tensor/types.js'

export interface GradientGolden { norm: number; largest: number; entries: [number, number][] }
export interface MethodGolden { loss_sum: number; supervised: number; gradients: Record<string, GradientGolden>; trace: number[] }
export interface ScoreGolden { log_probabilities: number[]; greedy: number[]; last: number[] }
export interface Golden {
  sequences: { ids: number[]; from: number }[]
  adamw: { lr: number; betas: [number, number]; eps: number; weight_decay: number }
  scores: ScoreGolden[]
  generated: number[]
  full: MethodGolden
  lora: MethodGolden & { r: number; lora_alpha: number; scores: ScoreGolden[] }
}

export interface TinyLlama {
  readonly config: LlamaConfig
  readonly weights: TensorSource
  readonly adapter: TensorSource
  readonly golden: Golden
  readonly lora: Extract<TuningMethod, { type: 'lora' }>
}

/** The checkpoint that tests/golden/llama.py made, with what transformers and PEFT compute with it. */
export async function tinyLlama(head: 'tied' | 'untied'): Promise<TinyLlama> {
  const folder = fileURLToPath(new URL(`../../../../tests/golden/llama-tiny-${head}`, import.meta.url))
  const model = await openModelFolder(folder)
  const golden = JSON.parse(readFileSync(`${folder}/golden.json`, 'utf8')) as Golden
  return {
    config: parseLlamaConfig(model.configJson),
    weights: model.weights,
    adapter: await openSafetensors(`${folder}/adapter/adapter_model.safetensors`),
    golden,
    lora: { type: 'lora', rank: golden.lora.r, alpha: golden.lora.lora_alpha, rslora: false, targetModules: 'all-linear' },
  }
}

/** The golden's sequences packed into two rows of 16: the first two share a row, the last three positions are padding. */
export const packedShape = { batch: 2, length: 16, supervised: 20 }
export function pack(sequences: Golden['sequences'], shape = packedShape): Record<string, TensorData> {
  const N = shape.batch * shape.length
  const S = shape.supervised
  const feeds = {
    ids: new Int32Array(N), positions: new Int32Array(N), segments: new Int32Array(N),
    select: new Int32Array(S), targets: new Int32Array(S), weights: new Float32Array(S),
  }
  const starts = [0, 10, 16]
  let chosen = 0
  sequences.forEach(({ ids, from }, i) => ids.forEach((id, position) => {
    const at = (starts[i] as number) + position
    feeds.ids[at] = id
    feeds.positions[at] = position
    feeds.segments[at] = i + 1
    if (position + 1 < from || position + 1 >= ids.length) return
    feeds.select[chosen] = at
    feeds.targets[chosen] = ids[position + 1] as number
    feeds.weights[chosen++] = 1
  }))
  return feeds
}

/** All tensors of a source, as arrays. */
export async function readAll(source: TensorSource): Promise<Record<string, Float32Array>> {
  return Object.fromEntries(await Promise.all(source.names.map(async name => [name, await source.read(name)] as const)))
}

/** Each trainable tensor's gradient, with the embedding's rows added up. */
export function gradients(step: TrainStep, out: Record<string, TensorData>, ids: TensorData): Record<string, Float32Array> {
  const all = Object.fromEntries(step.trainable.map(p => [p.name, (out[step.gradientName(p.name)] ?? new Float32Array(p.shape.reduce((a, b) => a * b))) as Float32Array]))
  if (!step.embeddingRows) return all
  const rows = out[step.embeddingRows.output] as Float32Array
  const whole = all[step.embeddingRows.parameter] as Float32Array
  const width = rows.length / ids.length
  ids.forEach((id, n) => { for (let e = 0; e < width; e++) whole[id * width + e] = (whole[id * width + e] as number) + (rows[n * width + e] as number) })
  return all
}

/** torch.optim.AdamW in float64 arithmetic over float32 storage. */
export function adamw(options: Golden['adamw']): (values: Float32Array, gradient: Float32Array, step: number) => void {
  const moments = new Map<Float32Array, [Float64Array, Float64Array]>()
  const { lr, betas: [b1, b2], eps, weight_decay } = options
  return (values, gradient, step) => {
    const [m, v] = moments.get(values) ?? [new Float64Array(values.length), new Float64Array(values.length)]
    moments.set(values, [m, v])
    for (let i = 0; i < values.length; i++) {
      const g = gradient[i] as number
      m[i] = b1 * (m[i] as number) + (1 - b1) * g
      v[i] = b2 * (v[i] as number) + (1 - b2) * g * g
      const update = (m[i] as number) / (1 - b1 ** step) / (Math.sqrt((v[i] as number) / (1 - b2 ** step)) + eps)
      values[i] = (values[i] as number) * (1 - lr * weight_decay) - lr * update
    }
  }
}
