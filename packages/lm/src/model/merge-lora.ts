import { adapterScale, adapterTensorName } from '../checkpoint/peft.js'
import type { TensorSource } from '../tensor/types.js'
import type { LlamaConfig } from './llama-config.js'
import { loraTargets, wholeParameters, type LoraOptions } from './lora.js'

/**
 * The base with an adapter multiplied into it, W + scale · B · A, and what was trained whole in place of its own; in float32, a tensor at a
 * time as it is read.
 */
export function mergeLora(config: LlamaConfig, base: TensorSource, adapter: TensorSource, options: LoraOptions): TensorSource {
  const targets = new Map(loraTargets(config, options).map(t => [`${t.module}.weight`, t]))
  const whole = new Map(wholeParameters(config, options).map(p => [p.base, p.spec.name]))
  const scale = adapterScale(options)
  return {
    names: base.names,
    has: name => base.has(name),
    shape: name => base.shape(name),
    async read(name, into) {
      const stored = whole.get(name)
      if (stored !== undefined) return adapter.read(stored, into)
      const merged = await base.read(name, into)
      const target = targets.get(name)
      if (!target) return merged
      const a = await adapter.read(adapterTensorName(target.module, 'lora_A')) // [rank, in]
      const b = await adapter.read(adapterTensorName(target.module, 'lora_B')) // [out, rank]
      const columns = target.in
      const row = new Float32Array(columns)
      for (let o = 0; o < target.out; o++) {
        row.fill(0)
        for (let r = 0; r < options.rank; r++) {
          const factor = b[o * options.rank + r] as number
          for (let i = 0; i < columns; i++) row[i] = (row[i] as number) + factor * (a[r * columns + i] as number)
        }
        for (let i = 0; i < columns; i++) merged[o * columns + i] = (merged[o * columns + i] as number) + scale * (row[i] as number)
      }
      return merged
    },
  }
}
