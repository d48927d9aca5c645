import { setImmediate } from 'node:timers/promises'
import { lengthBucket } from '../generate/buckets.js'
import { llamaParameters, type LlamaConfig } from '../model/llama-config.js'
import { checkFinite } from '../model/not-finite.js'
import { compileScore } from '../model/score-step.js'
import type { Engine } from '../tensor/engine.js'
import type { Executable, TensorData } from '../tensor/types.js'
import type { ScoredSequence, Scorer, SequenceToScore } from './scorer.js'

/** Tokens in one run, whatever the length of its rows. */
const TOKENS_A_RUN = 512

/** B rows of T fed tokens with s scored ones each. */
interface Bucket {
  readonly B: number
  readonly T: number
  readonly s: number
}

/** The shape that a sequence is computed in: a function of the sequence alone, so that no other one can change its numbers. */
function bucketOf({ ids, from }: SequenceToScore): Bucket {
  const T = lengthBucket(ids.length - 1)
  let s = 8
  while (s < ids.length - from) s *= 2
  return { T, B: Math.max(1, Math.floor(TOKENS_A_RUN / T)), s: Math.min(s, T) }
}

/**
 * Log-probabilities of given tokens under a Llama model whose weights (Hugging Face's names) lie in memory. Rows of like size
 * share a run of fixed shape; the last run is filled up with padding.
 */
export function llamaScorer(config: LlamaConfig, weights: ReadonlyMap<string, Float32Array>, options: { engine: Engine; threads: number }): Scorer & { dispose(): Promise<void> } {
  const programs = new Map<string, Executable>()
  const fedWeights = Object.fromEntries(llamaParameters(config).map(({ name }) => {
    const data = weights.get(name)
    if (!data) throw new Error(`Internal: the weights lack ${name}.`)
    return [name, data]
  }))

  const programOf = async (bucket: Bucket): Promise<Executable> => {
    const key = `${bucket.T} ${bucket.s}`
    const known = programs.get(key)
    if (known) return known
    const { executable } = await compileScore(config, { ...options, batch: bucket.B, length: bucket.T, supervised: bucket.B * bucket.s })
    programs.set(key, executable)
    return executable
  }

  return {
    maxLength: config.maxPositions,
    async score(sequences, { signal, onProgress } = {}) {
      const groups = new Map<string, { bucket: Bucket; members: number[] }>()
      for (const [i, sequence] of sequences.entries()) {
        const { ids, from } = sequence
        if (from < 1 || from >= ids.length) throw new RangeError(`Sequence ${i} of ${ids.length} tokens cannot be scored from token ${from} on`)
        if (ids.length - 1 > config.maxPositions) throw new RangeError(`Sequence ${i} feeds ${ids.length - 1} tokens; the model takes ${config.maxPositions}`)
        const bucket = bucketOf(sequence)
        const group = groups.get(`${bucket.T} ${bucket.s}`)
        if (group) group.members.push(i)
        else groups.set(`${bucket.T} ${bucket.s}`, { bucket, members: [i] })
      }
      const results: ScoredSequence[] = []
      let done = 0
      for (const { bucket, members } of groups.values()) {
        const program = await programOf(bucket)
        for (let first = 0; first < members.length; first += bucket.B) {
          await setImmediate()
          signal?.throwIfAborted()
          const indices = members.slice(first, first + bucket.B)
          const batch = indices.map(i => sequences[i]!)
          const outputs = await program.run({ ...feedsOf(batch, bucket), ...fedWeights })
          for (const [row, i] of indices.entries()) results[i] = resultOf(sequences[i]!.ids.length - sequences[i]!.from, outputs, row * bucket.s)
          onProgress?.((done += indices.length))
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

function feedsOf(batch: readonly SequenceToScore[], { B, T, s }: Bucket): Record<string, TensorData> {
  const ids = new Int32Array(B * T)
  const positions = new Int32Array(B * T)
  const segments = new Int32Array(B * T)
  const select = new Int32Array(B * s)
  const targets = new Int32Array(B * s)
  for (const [row, sequence] of batch.entries()) {
    const fed = sequence.ids.length - 1
    for (let t = 0; t < fed; t++) {
      ids[row * T + t] = sequence.ids[t]!
      positions[row * T + t] = t
      segments[row * T + t] = 1
    }
    for (let i = sequence.from; i <= fed; i++) {
      select[row * s + i - sequence.from] = row * T + i - 1
      targets[row * s + i - sequence.from] = sequence.ids[i]!
    }
  }
  return { ids, positions, segments, select, targets }
}

function resultOf(count: number, outputs: Readonly<Record<string, TensorData>>, at: number): ScoredSequence {
  const logProbabilities = Float32Array.from(outputs['log-probabilities']!.subarray(at, at + count))
  checkFinite(logProbabilities)
  return { logProbabilities, greedy: Uint8Array.from(outputs.greedy!.subarray(at, at + count)) }
}
