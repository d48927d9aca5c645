import { philox } from '../random/philox.js'
import { sizeOf } from '../tensor/graph.js'
import type { TensorSource, TensorSpec } from '../tensor/types.js'
import { llamaParameters, type LlamaConfig } from './llama-config.js'
import { loraParameters, type LoraOptions } from './lora.js'

// Element i of a tensor is a pure function of (seed, name, i): Philox4x32-10 with the key (seed, FNV-1a of the name) and the counter
// ⌊i / 4⌋. So tensors are made in any order, one at a time, and a layer more does not change the others.

type Draw = (into: Float32Array, words: Words) => void
type Words = (block: number) => readonly [number, number, number, number]

/** Fresh weights as transformers makes them: matrices normal with standard deviation `initializer_range`, norms 1. */
export function initializeLlama(config: LlamaConfig, seed: number): TensorSource {
  return drawn(llamaParameters(config), seed, ({ shape }) => (shape.length === 1 ? into => void into.fill(1) : normal(config.initializerRange)))
}

/**
 * A fresh adapter as PEFT makes it: A uniform in ±1/√in (Kaiming's bound with a = √5), B zero, so that the model is still the base.
 */
export function initializeLora(config: LlamaConfig, options: LoraOptions, seed: number): TensorSource {
  return drawn(loraParameters(config, options), seed, ({ name, shape }) =>
    name.endsWith('.lora_B.weight') ? into => void into.fill(0) : uniform(1 / Math.sqrt(shape[1] as number)))
}

function drawn(parameters: readonly TensorSpec[], seed: number, draw: (p: TensorSpec) => Draw): TensorSource {
  const byName = new Map(parameters.map(p => [p.name, p]))
  const find = (name: string): TensorSpec => {
    const p = byName.get(name)
    if (!p) throw new Error(`There is no parameter ${name}.`)
    return p
  }
  return {
    names: parameters.map(p => p.name),
    has: name => byName.has(name),
    shape: name => find(name).shape,
    async read(name, into) {
      const p = find(name)
      const values = into ?? new Float32Array(sizeOf(p.shape))
      const key = [seed >>> 0, fnv1a(name)] as const
      const high = Math.floor(seed / 2 ** 32) >>> 0
      draw(p)(values, block => philox([block >>> 0, Math.floor(block / 2 ** 32), high, 0], key))
      return values
    },
  }
}

/** Box and Muller's transform: two normals of two words. */
function normal(deviation: number): Draw {
  return (into, words) => {
    for (let i = 0; i < into.length; i += 4) {
      const w = words(i / 4)
      for (const half of [0, 2] as const) {
        const radius = deviation * Math.sqrt(-2 * Math.log((w[half] + 0.5) / 2 ** 32))
        const angle = (2 * Math.PI * w[half + 1 as 1 | 3]) / 2 ** 32
        // What lies past the end of a typed array is dropped.
        into[i + half] = radius * Math.cos(angle)
        into[i + half + 1] = radius * Math.sin(angle)
      }
    }
  }
}

function uniform(bound: number): Draw {
  return (into, words) => {
    for (let i = 0; i < into.length; i += 4) words(i / 4).forEach((w, j) => { into[i + j] = bound * ((2 * (w + 0.5)) / 2 ** 32 - 1) })
  }
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
