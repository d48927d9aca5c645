import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openModelFolder, openSafetensors } from '../../src/checkpoint/index.js'
import { parseLlamaConfig, type LlamaConfig } from '../../src/model/llama-config.js'
import type { TuningMethod } from '../../src/model/train-step.js'
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
