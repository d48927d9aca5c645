import { checkFinite } from '../model/not-finite.js'
import { uniform } from '../random/philox.js'

/** How the next token is chosen. Temperature 0 is greedy: the largest logit, the lowest id among equals. */
export interface Sampling {
  readonly temperature: number
  /** Keeps the likeliest tokens that together have this probability; 1 keeps all. */
  readonly topP: number
  /** Keeps the so many likeliest tokens; 0 keeps all. */
  readonly topK: number
  readonly seed: number
}

export const greedy: Sampling = { temperature: 0, topP: 1, topK: 0, seed: 0 }

export function argmax(logits: Float32Array): number {
  let best = 0
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id
  return best
}

/**
 * The tokens that may come next with their probabilities, by rising id. Temperature first, then top-k (ties with the k-th stay),
 * then top-p, the order and the edges of transformers' logits processors.
 */
export function candidates(logits: ArrayLike<number>, { temperature, topP, topK }: Omit<Sampling, 'seed'>): { ids: number[]; probabilities: number[] } {
  let ids: number[] = []
  const lowest = topK > 0 && topK < logits.length ? kthLargest(logits, topK) : -Infinity
  for (let id = 0; id < logits.length; id++) if (logits[id]! >= lowest) ids.push(id)
  let largest = -Infinity
  for (const id of ids) largest = Math.max(largest, logits[id]!)
  const weights = ids.map(id => Math.exp((logits[id]! - largest) / temperature))
  const total = weights.reduce((sum, w) => sum + w, 0)
  let probabilities = weights.map(w => w / total)
  if (topP < 1) {
    const kept = nucleus(probabilities, topP)
    ids = kept.map(i => ids[i]!)
    const mass = kept.reduce((sum, i) => sum + probabilities[i]!, 0)
    probabilities = kept.map(i => probabilities[i]! / mass)
  }
  return { ids, probabilities }
}

/** Places, rising, of what is left when the unlikeliest are dropped as long as together they have at most 1 − topP. One always stays. */
function nucleus(probabilities: readonly number[], topP: number): number[] {
  // What is below this has less than 1 − topP all together, so it need not be sorted: most of a vocabulary.
  const negligible = (1 - topP) / probabilities.length
  let dropped = 0
  const rest: number[] = []
  probabilities.forEach((p, i) => {
    if (p < negligible) dropped += p
    else rest.push(i)
  })
  rest.sort((i, j) => probabilities[i]! - probabilities[j]! || i - j)
  let first = 0
  while (first < rest.length - 1 && dropped + probabilities[rest[first]!]! <= 1 - topP) dropped += probabilities[rest[first++]!]!
  return rest.slice(first).sort((i, j) => i - j)
}

const kthLargest = (values: ArrayLike<number>, k: number): number => Float64Array.from(values).sort()[values.length - k]!

/**
 * The next token id. What is drawn depends on the logits, the seed, the row's `stream` and the `step` alone: never on other rows. Throws NotFinite.
 */
export function chooseToken(logits: Float32Array, sampling: Sampling, stream: number, step: number): number {
  checkFinite(logits)
  if (sampling.temperature === 0) return argmax(logits)
  const { ids, probabilities } = candidates(logits, sampling)
  const u = uniform(sampling.seed, stream, step)
  let sum = 0
  for (const [i, p] of probabilities.entries()) {
    sum += p
    if (u < sum) return ids[i]!
  }
  return ids[ids.length - 1]!
}
