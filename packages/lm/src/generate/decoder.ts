/** A prompt that a model has read: what it would say next, and the keys and values that it goes on from. */
export interface ReadPrompt {
  /** Tokens read. */
  readonly length: number
  /** Logits [V] after the last of them. */
  readonly logits: Float32Array
  /** [2·layers, key-value heads, length, head size]: all keys, then all values. */
  readonly keysAndValues: Float32Array
}

/**
 * A model with a cache of keys and values for a fixed number of rows ("slots") of a fixed length. The shapes that a row is
 * computed in depend on the row alone, and no slot reads another, so that what a row gives does not depend on its neighbours.
 */
export interface Decoder {
  readonly slots: number
  /** The most tokens, prompt and answer together, that a slot holds. */
  readonly capacity: number
  /** Reads prompts of at least one token each. */
  read(prompts: readonly ArrayLike<number>[]): Promise<ReadPrompt[]>
  /** Starts a slot anew with a prompt. */
  load(slot: number, prompt: ReadPrompt): void
  /**
   * Appends a token to each slot and answers the logits [V] after it, by slot, valid until the next call. `tokens[slot]` < 0 leaves
   * a slot as it is.
   */
  step(tokens: Int32Array): Promise<(slot: number) => Float32Array>
  dispose(): Promise<void>
}
