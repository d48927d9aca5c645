/** One message of a chat. `weight` 0 keeps it from being supervised. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  readonly content: string
  readonly weight?: 0 | 1
}

/** A row of the kind `examples`. */
export interface Example {
  readonly id: string
  readonly messages: readonly Message[]
  readonly task?: string
  readonly source?: string
}

/** Tokenized rows of one split, unpacked: row `i` is `ids[offsets[i] … offsets[i+1])`. `mask` is 1 where a token is supervised (as a target). */
export interface TokenRows {
  readonly ids: Int32Array
  readonly mask: Uint8Array
  /** Length rows + 1. */
  readonly offsets: Int32Array | number[]
  /** The id of each row's example. */
  readonly exampleIds: readonly string[]
}

/** A tokenizer as Hugging Face's `tokenizer.json` describes it. */
export interface Tokenizer {
  readonly vocabSize: number
  readonly eosId: number | undefined
  readonly bosId: number | undefined
  readonly padId: number | undefined
  /** Token ids; special tokens in the text are recognised, none is added unless asked. */
  encode(text: string, options?: { addSpecialTokens?: boolean }): number[]
  /** Ids with the [start, end) of each token in the text, in UTF-16 units. */
  encodeWithOffsets(text: string): { ids: number[]; offsets: [number, number][] }
  encodeBatch(texts: readonly string[]): Promise<number[][]>
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): string
  tokenOf(id: number): string | undefined
  idOf(token: string): number | undefined
}
