import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointError } from './checkpoint-error.js'
import { prettyJson, readJsonObject } from './hugging-face.js'
import { openSafetensors, type StoredTensors } from './safetensors.js'
import { writeSafetensors, type FloatType, type TensorEntry } from './safetensors-write.js'

/** What LoRA needs to know, in PEFT's terms: the update of a weight is scale(…) · B · A. */
export interface AdapterConfig {
  /** The base as the user named it; null where none is known. */
  readonly base: string | null
  readonly rank: number
  readonly alpha: number
  readonly dropout: number
  /** alpha / √rank in place of alpha / rank. */
  readonly rslora: boolean
  /** Names of modules, or endings of them: `q_proj`, `model.layers.0.mlp.up_proj`; or `all-linear`. */
  readonly targetModules: readonly string[] | 'all-linear'
  /** Modules that are trained whole. */
  readonly modulesToSave: readonly string[]
  /** Head and embedding of the base are one matrix, and stay so where one of them is trained whole. */
  readonly ensureWeightTying?: boolean
}

/** The factor of B · A. */
export const adapterScale = ({ rank, alpha, rslora }: Pick<AdapterConfig, 'rank' | 'alpha' | 'rslora'>): number =>
  alpha / (rslora ? Math.sqrt(rank) : rank)

/**
 * PEFT's name of a tensor of an adapter. `module` is the base model's module, such as `model.layers.0.self_attn.q_proj`;
 * `lora_A` is [rank, in], `lora_B` [out, rank]. A module that was trained whole is `weight` (or `bias`).
 */
export const adapterTensorName = (module: string, part: 'lora_A' | 'lora_B' | 'weight' | 'bias'): string =>
  `base_model.model.${module}.${part}${part.startsWith('lora_') ? '.weight' : ''}`

/** The inverse of adapterTensorName; undefined for names that are none. */
export function parseAdapterTensorName(name: string): { module: string; part: 'lora_A' | 'lora_B' | 'weight' | 'bias' } | undefined {
  const match = /^base_model\.model\.(.+?)\.(?:(lora_A|lora_B)\.weight|(weight|bias))$/.exec(name)
  return match ? { module: match[1]!, part: (match[2] ?? match[3]) as 'lora_A' } : undefined
}

/** adapter_config.json with the keys of PEFT's LoraConfig that any version since 0.5 reads. */
export const adapterConfigJson = (config: AdapterConfig): Record<string, unknown> => ({
  alpha_pattern: {},
  auto_mapping: null,
  base_model_name_or_path: config.base,
  bias: 'none',
  // Versions that do not know it are not told of it where it says nothing.
  ...(config.ensureWeightTying && { ensure_weight_tying: true }),
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  layers_pattern: null,
  layers_to_transform: null,
  lora_alpha: config.alpha,
  lora_dropout: config.dropout,
  modules_to_save: config.modulesToSave.length ? config.modulesToSave : null,
  peft_type: 'LORA',
  r: config.rank,
  rank_pattern: {},
  revision: null,
  target_modules: config.targetModules,
  task_type: 'CAUSAL_LM',
  use_dora: false,
  use_rslora: config.rslora,
})

/** Writes a PEFT adapter folder. The names of `weights` are PEFT's (adapterTensorName). */
export async function writeAdapterFolder(
  dir: string,
  adapter: AdapterConfig & {
    readonly weights: Iterable<TensorEntry>
    readonly dtype?: FloatType
    /** Other files by name, such as a README. */
    readonly extra?: Readonly<Record<string, string>>
  },
): Promise<void> {
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'adapter_config.json'), prettyJson(adapterConfigJson(adapter)))
  for (const [name, content] of Object.entries(adapter.extra ?? {})) await writeFile(join(dir, name), content)
  await writeSafetensors(join(dir, 'adapter_model.safetensors'), adapter.weights, { dtype: adapter.dtype ?? 'float32', metadata: { format: 'pt' } })
}

export interface AdapterFolder extends AdapterConfig {
  readonly dir: string
  readonly configJson: Record<string, unknown>
  /** By PEFT's names. */
  readonly weights: StoredTensors
  /** The modules that have a lora_A and a lora_B, sorted. */
  readonly modules: readonly string[]
  /** The modules whose weight is stored whole, sorted. */
  readonly wholeModules: readonly string[]
}

/** Opens a PEFT LoRA folder. Variants whose arithmetic differs (DoRA, rank patterns, bias, …) are refused by name. Throws CheckpointError. */
export async function readAdapterFolder(dir: string): Promise<AdapterFolder> {
  const configPath = join(dir, 'adapter_config.json')
  const json = await readJsonObject(configPath)
  const refuse = (what: string): never => {
    throw new CheckpointError(configPath, what)
  }
  if (json.peft_type !== 'LORA') refuse(`is of type ${String(json.peft_type)}; only LORA is read`)
  if (typeof json.r !== 'number' || !Number.isInteger(json.r) || json.r < 1) {
    refuse(`"r" must be a whole number ≥ 1; got ${JSON.stringify(json.r)}`)
  }
  if (typeof json.lora_alpha !== 'number') refuse(`"lora_alpha" must be a number; got ${JSON.stringify(json.lora_alpha)}`)
  for (const key of ['use_dora', 'use_qalora', 'use_bdlora', 'lora_bias', 'fan_in_fan_out']) if (json[key]) {
    refuse(`uses "${key}", which is not read`)
  }
  for (const key of ['rank_pattern', 'alpha_pattern']) if (Object.keys((json[key] as object | null) ?? {}).length) {
    refuse(`uses "${key}", which is not read`)
  }
  for (const key of ['layer_replication', 'target_parameters', 'trainable_token_indices']) if (json[key] != null) {
    refuse(`uses "${key}", which is not read`)
  }
  if (json.bias !== undefined && json.bias !== 'none') refuse(`has "bias": ${JSON.stringify(json.bias)}; only "none" is read`)
  const files = await readdir(dir)
  if (!files.includes('adapter_model.safetensors')) {
    throw new CheckpointError(
      join(dir, 'adapter_model.safetensors'),
      `is not there${files.includes('adapter_model.bin') ? '; "adapter_model.bin" is of a format that is not read, save it as safetensors' : ''}`,
    )
  }
  const weights = await openSafetensors(join(dir, 'adapter_model.safetensors'))
  const parts = weights.names.map(name => ({ name, ...parseAdapterTensorName(name) }))
  const unknown = parts.find(p => p.module === undefined)
  if (unknown) throw new CheckpointError(weights.path, `the tensor "${unknown.name}" is none of a LoRA adapter`)
  const bias = parts.find(p => p.part === 'bias')
  if (bias) refuse(`holds the bias "${bias.name}", which is not read`)
  const modules = parts.filter(p => p.part === 'lora_A').map(p => p.module!).sort()
  for (const module of modules) {
    const [a, b] = [adapterTensorName(module, 'lora_A'), adapterTensorName(module, 'lora_B')]
    if (!weights.has(b)) throw new CheckpointError(weights.path, `lacks "${b}"`)
    if (weights.shape(a)[0] !== json.r || weights.shape(b)[1] !== json.r) {
      throw new CheckpointError(weights.path, `the rank of "${module}" is not the config's r = ${String(json.r)}`)
    }
  }
  const targets = json.target_modules
  return {
    dir,
    configJson: json,
    base: typeof json.base_model_name_or_path === 'string' ? json.base_model_name_or_path : null,
    rank: json.r as number,
    alpha: json.lora_alpha as number,
    dropout: typeof json.lora_dropout === 'number' ? json.lora_dropout : 0,
    rslora: json.use_rslora === true,
    targetModules: Array.isArray(targets) ? (targets as string[]) : targets === 'all-linear' ? 'all-linear' : modules,
    modulesToSave: Array.isArray(json.modules_to_save) ? (json.modules_to_save as string[]) : [],
    ensureWeightTying: json.ensure_weight_tying === true,
    weights,
    modules,
    wholeModules: parts.filter(p => p.part === 'weight').map(p => p.module!).sort(),
  }
}
