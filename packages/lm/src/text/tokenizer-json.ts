import type { AddedToken } from './added-tokens.js'
import type { TokenizerPart } from './pre-tokenizer.js'

/** A tokenizer.json, as far as it is read. */
export interface TokenizerJson {
  readonly version?: string
  readonly truncation?: unknown
  readonly padding?: unknown
  readonly added_tokens?: readonly AddedToken[]
  readonly normalizer?: TokenizerPart | null
  readonly pre_tokenizer?: TokenizerPart | null
  readonly post_processor?: TokenizerPart | null
  readonly decoder?: TokenizerPart | null
  readonly model: {
    readonly type?: string
    readonly vocab: unknown
    readonly merges?: readonly (string | readonly [string, string])[]
    readonly fuse_unk?: boolean
    readonly byte_fallback?: boolean
    readonly ignore_merges?: boolean
    readonly dropout?: number | null
    readonly continuing_subword_prefix?: string | null
    readonly end_of_word_suffix?: string | null
    readonly unk_token?: string | null
  }
}

/** What one sort of tokenizer does; special tokens by role are added to it from tokenizer_config.json. */
export interface TokenizerCore {
  /** One more than the largest id. */
  readonly size: number
  tokenOf(id: number): string | undefined
  idOf(token: string): number | undefined
  isSpecial(id: number): boolean
  encode(text: string, addSpecialTokens: boolean): number[]
  encodeWithOffsets(text: string): { ids: number[]; offsets: [number, number][] }
  decode(ids: readonly number[], skipSpecialTokens: boolean): string
  /** Ids that stand before and after a text when special tokens are asked for. */
  readonly surrounding: { readonly before: readonly number[]; readonly after: readonly number[] }
}
