/** Tokens of which those from `from` on are scored, each given all before it. 1 ≤ from < ids.length. */
export interface SequenceToScore {
  readonly ids: readonly number[]
  readonly from: number
}

/** By scored token, in order. */
export interface ScoredSequence {
  /** Natural logarithms of the probabilities, as float32 gave them. */
  readonly logProbabilities: Float32Array
  /** 1 where the token is the likeliest one. */
  readonly greedy: Uint8Array
}

/** A model that says how likely given tokens are. What a sequence gets does not depend on the others. Throws NotFinite. */
export interface Scorer {
  /** The most tokens it is fed; a sequence may have one more, since nothing follows its last. */
  readonly maxLength: number
  score(sequences: readonly SequenceToScore[], options?: { signal?: AbortSignal; onProgress?: (done: number) => void }): Promise<ScoredSequence[]>
}
