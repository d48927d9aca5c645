/**
 * A model with a KV cache for a fixed number of rows ("slots") of a fixed length. Shapes never depend on how many slots are in
 * use, and no slot reads another, so that what a row gives does not depend on its neighbours.
 */
export interface Decoder {
  readonly slots: number
  /** The most tokens, prompt and answer together, that a slot holds. */
  readonly capacity: number
  readonly vocabSize: number
  /** Starts a slot anew with a prompt of at least one token. Logits [V] after its last token, valid until the next call. */
  prefill(slot: number, ids: ArrayLike<number>): Promise<Float32Array>
  /**
   * Appends a token to each slot that `tokens` names and answers the logits [V] after it, by slot, valid until the next call.
   * `tokens[slot]` < 0 leaves a slot as it is.
   */
  step(tokens: Int32Array): Promise<(slot: number) => Float32Array>
  dispose(): Promise<void>
}
