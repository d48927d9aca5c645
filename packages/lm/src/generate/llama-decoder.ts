import { llamaParameters, type LlamaConfig } from '../model/llama-config.js'
import { compileProgram, type Engine } from '../tensor/engine.js'
import type { Executable } from '../tensor/types.js'
import { byBucket, lengthBucket } from './buckets.js'
import type { Decoder, ReadPrompt } from './decoder.js'
import { cacheNames, readProgram, stepProgram } from './llama-programs.js'

/** Tokens in one run over prompts, unless there are fewer slots. */
const TOKENS_A_RUN = 512

export interface ComputeOptions {
  readonly engine: Engine
  readonly threads: number
}

/** Reads prompts, in runs of a fixed shape for each bucket of lengths. Programs are kept until `dispose`. */
export function promptReader(config: LlamaConfig, weights: ReadonlyMap<string, Float32Array>, slots: number, options: ComputeOptions): Pick<Decoder, 'read' | 'dispose'> {
  const { keyValueHeads: K, headSize: D } = config
  const layers = 2 * config.layers
  const fedWeights = Object.fromEntries(llamaParameters(config).map(({ name }) => [name, weights.get(name)!]))
  const programs = new Map<number, Executable>()

  const readRun = async (prompts: readonly ArrayLike<number>[], R: number, T: number): Promise<ReadPrompt[]> => {
    let program = programs.get(T)
    if (!program) programs.set(T, (program = await compileProgram(readProgram(config, R, T), options)))
    const [ids, positions, segments, last] = [new Int32Array(R * T), new Int32Array(R * T), new Int32Array(R * T), new Int32Array(R)]
    for (const [row, prompt] of prompts.entries()) {
      for (let t = 0; t < prompt.length; t++) {
        ids[row * T + t] = prompt[t]!
        positions[row * T + t] = t
        segments[row * T + t] = 1
      }
      last[row] = row * T + prompt.length - 1
    }
    const { logits, cache } = (await program.run({ ids, positions, segments, last, ...fedWeights })) as { logits: Float32Array; cache: Float32Array }
    return prompts.map(({ length }, row) => {
      const keysAndValues = new Float32Array(layers * K * length * D)
      for (let layer = 0; layer < layers; layer++) {
        for (let head = 0; head < K; head++) {
          const from = ((layer * R + row) * K + head) * T * D
          keysAndValues.set(cache.subarray(from, from + length * D), (layer * K + head) * length * D)
        }
      }
      return { length, logits: logits.slice(row * config.vocabSize, (row + 1) * config.vocabSize), keysAndValues }
    })
  }

  return {
    async read(prompts) {
      const results: ReadPrompt[] = []
      for (const [T, members] of byBucket(prompts, p => lengthBucket(p.length))) {
        const R = Math.min(slots, Math.max(1, Math.floor(TOKENS_A_RUN / T)))
        for (let first = 0; first < members.length; first += R) {
          const indices = members.slice(first, first + R)
          const read = await readRun(indices.map(i => prompts[i]!), R, T)
          for (const [row, i] of indices.entries()) results[i] = read[row]!
        }
      }
      return results
    },
    async dispose() {
      for (const program of programs.values()) await program.dispose()
      programs.clear()
    },
  }
}

/** Slots of `capacity` tokens that go on from prompts which `reader` has read. Disposing it leaves the reader as it is. */
export async function llamaDecoder(
  config: LlamaConfig, weights: ReadonlyMap<string, Float32Array>, { slots, capacity }: { slots: number; capacity: number }, reader: Pick<Decoder, 'read'>, options: ComputeOptions,
): Promise<Decoder> {
  const { keyValueHeads: K, headSize: D, vocabSize: V, layers: L } = config
  const constants = llamaParameters(config).map(({ name, shape }) => ({ name, shape, data: weights.get(name)! }))
  const program = await compileProgram(stepProgram(config, slots, capacity, constants), options)
  // By layer, all keys and then all values, as they come out of the programs.
  const caches = Array.from({ length: 2 * L }, () => new Float32Array(slots * K * capacity * D))
  const feeds = Object.fromEntries(Array.from({ length: L }, (_, i) => [[cacheNames(i).keys, caches[i]!], [cacheNames(i).values, caches[L + i]!]]).flat())
  const lengths = new Int32Array(slots)
  const [ids, fedLengths] = [new Int32Array(slots), new Int32Array(slots)]
  return {
    slots,
    capacity,
    read: prompts => reader.read(prompts),
    load(slot, { length, keysAndValues }) {
      for (const [layer, cache] of caches.entries()) {
        for (let head = 0; head < K; head++) {
          const from = (layer * K + head) * length * D
          cache.set(keysAndValues.subarray(from, from + length * D), (slot * K + head) * capacity * D)
        }
      }
      lengths[slot] = length
    },
    async step(tokens) {
      for (let slot = 0; slot < slots; slot++) {
        const isFed = tokens[slot]! >= 0
        ids[slot] = isFed ? tokens[slot]! : 0
        fedLengths[slot] = isFed ? lengths[slot]! : 0
      }
      const { logits, cache: added } = (await program.run({ ids, lengths: fedLengths, ...feeds })) as { logits: Float32Array; cache: Float32Array }
      for (let slot = 0; slot < slots; slot++) {
        if (tokens[slot]! < 0) continue
        for (const [layer, cache] of caches.entries()) {
          for (let head = 0; head < K; head++) {
            const from = ((layer * slots + slot) * K + head) * D
            const to = ((slot * K + head) * capacity + lengths[slot]!) * D
            for (let d = 0; d < D; d++) cache[to + d] = added[from + d]!
          }
        }
        lengths[slot]!++
      }
      return slot => logits.subarray(slot * V, (slot + 1) * V)
    },
    dispose: () => program.dispose(),
  }
}
