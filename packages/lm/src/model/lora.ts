import * as tf from '@tensorflow/tfjs-core'
import { adapterScale, adapterTensorName } from '../checkpoint/peft.js'
import type { TensorSpec } from '../tensor/types.js'
import { llamaLinears, type LlamaConfig } from './llama-config.js'
import { plainLlama, type Llama } from './llama.js'

/** Low-rank adaptation (Hu et al., 2021): each chosen linear layer gains scale · B · A, of rank `rank`. */
export interface LoraOptions {
  readonly rank: number
  readonly alpha: number
  /** Scales by alpha/√rank in place of alpha/rank (Kalajdzievski, 2023). */
  readonly rslora: boolean
  /** Ends of module names as PEFT takes them (`q_proj`), or every linear layer but the head. */
  readonly targetModules: 'all-linear' | readonly string[]
}

export interface LoraTarget {
  /** `model.layers.0.self_attn.q_proj` */
  readonly module: string
  readonly out: number
  readonly in: number
}

/** The layers that are adapted, in the order of the model. Throws where a name in `targetModules` fits none. */
export function loraTargets(config: LlamaConfig, { targetModules }: LoraOptions): LoraTarget[] {
  const linears = Array.from({ length: config.layers }, (_, i) => llamaLinears(config).map(l => ({ ...l, module: `model.layers.${i}.${l.module}` }))).flat()
  if (targetModules === 'all-linear') return linears
  const fits = (module: string, name: string): boolean => module === name || module.endsWith(`.${name}`)
  for (const name of targetModules) {
    if (linears.some(l => fits(l.module, name))) continue
    const known = llamaLinears(config).map(l => l.module.slice(l.module.indexOf('.') + 1))
    throw new Error(`"target_modules" names ${JSON.stringify(name)}, which is none of this model's linear layers (${known.join(', ')})`)
  }
  return linears.filter(l => targetModules.some(name => fits(l.module, name)))
}

/** A [rank, in] and B [out, rank] of each target, under the names by which PEFT stores them. */
export function loraParameters(config: LlamaConfig, options: LoraOptions): TensorSpec[] {
  return loraTargets(config, options).flatMap((t): TensorSpec[] => [
    { name: adapterTensorName(t.module, 'lora_A'), shape: [options.rank, t.in], dtype: 'float32' },
    { name: adapterTensorName(t.module, 'lora_B'), shape: [t.out, options.rank], dtype: 'float32' },
  ])
}

/** The model with an adapter beside its linear layers: x Wᵀ + scale · (x Aᵀ) Bᵀ. */
export function adaptedLlama(config: LlamaConfig, weight: (name: string) => tf.Tensor, options: LoraOptions): Llama {
  const base = plainLlama(config, weight)
  const adapted = new Set(loraTargets(config, options).map(t => t.module))
  const scale = adapterScale(options)
  return {
    ...base,
    linear(x, module) {
      const y = base.linear(x, module)
      if (!adapted.has(module)) return y
      const a = tf.matMul(x as tf.Tensor2D, weight(adapterTensorName(module, 'lora_A')) as tf.Tensor2D, false, true) // [N, rank]
      return tf.add(y, tf.matMul(tf.mul(a, scale) as tf.Tensor2D, weight(adapterTensorName(module, 'lora_B')) as tf.Tensor2D, false, true))
    },
  }
}
