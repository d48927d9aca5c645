import * as tf from '@tensorflow/tfjs-core'
import { adapterScale, adapterTensorName } from '../checkpoint/peft.js'
import { droppedMatMul, keptMask } from '../tensor/ops/dropout.js'
import type { LlamaConfig } from './llama-config.js'
import { plainLlama, type Llama } from './llama.js'
import { loraTargets, wholeParameters, type LoraOptions } from './lora-parameters.js'

export * from './lora-parameters.js'

/** How a training step draws what it drops: `keys` int32 [sites, N], as `keptMask` takes them, a row an adapted layer. */
export interface DropoutDraw {
  readonly keys: tf.Tensor
}

/**
 * The model with an adapter beside its linear layers: x Wᵀ + scale · (drop(x) Aᵀ) Bᵀ, and with the weights that are trained whole in
 * place of its own. Nothing is dropped without `draw`.
 */
export function adaptedLlama(config: LlamaConfig, weight: (name: string) => tf.Tensor, options: LoraOptions, draw?: DropoutDraw): Llama {
  const whole = new Map(wholeParameters(config, options).map(p => [p.base, p.spec.name]))
  const base = plainLlama(config, name => weight(whole.get(name) ?? name))
  const sites = new Map(loraTargets(config, options).map((t, site) => [t.module, site]))
  const dropout = draw ? (options.dropout ?? 0) : 0
  const scale = adapterScale(options) / (1 - dropout)
  return {
    ...base,
    linear(x, module) {
      const y = base.linear(x, module)
      const site = sites.get(module)
      if (site === undefined) return y
      const factorA = weight(adapterTensorName(module, 'lora_A'))
      const a = draw && dropout > 0 // [N, rank]
        ? droppedMatMul(x, factorA, () => keptMask(tf.slice(draw.keys, [site, 0], [1, -1]), x.shape[1] as number, dropout))
        : tf.matMul(x as tf.Tensor2D, factorA as tf.Tensor2D, false, true)
      return tf.add(y, tf.matMul(tf.mul(a, scale) as tf.Tensor2D, weight(adapterTensorName(module, 'lora_B')) as tf.Tensor2D, false, true))
    },
  }
}
