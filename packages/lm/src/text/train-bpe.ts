import { byteCharacters } from './byte-alphabet.js'
import { byteLevelPreTokenizer, type TokenizerPart } from './pre-tokenizer.js'
import type { TokenizerJson } from './tokenizer-json.js'

export interface TrainBpeOptions {
  /** How many tokens there shall be, special ones and the 256 bytes included. Fewer come out where the text has no more pairs. */
  readonly vocabSize: number
  /** They get the first ids, in this order. */
  readonly specialTokens: readonly string[]
  /** Pairs that are rarer are not merged. */
  readonly minFrequency?: number
  /** Each digit is a token of its own, as in Llama's and SmolLM2's tokenizers. */
  readonly splitDigits?: boolean
  readonly signal?: AbortSignal
  /** Called now and then with the number of tokens so far. */
  readonly onProgress?: (tokens: number) => void
}

const pairBase = 2 ** 24

/** A pair that may be merged next, with the words where it was when it was found. Its count may be out of date. */
interface Candidate {
  readonly pair: number
  count: number
  readonly words: ReadonlySet<number>
}

/** The most frequent first; of equals the pair of smaller ids, as in Hugging Face's trainer, so that the result is the same. */
const isBefore = (a: Candidate, b: Candidate) => a.count > b.count || (a.count === b.count && a.pair < b.pair)

/**
 * Trains a byte-level BPE tokenizer (Sennrich et al. 2016): the most frequent pair of neighbours becomes a token, again and again.
 * Counts of pairs are kept up to date where a merge changes them. Equal text gives an equal tokenizer, and the one that Hugging
 * Face's BpeTrainer gives.
 */
export async function trainByteLevelBpe(texts: Iterable<string> | AsyncIterable<string>, options: TrainBpeOptions): Promise<TokenizerJson> {
  const { vocabSize, specialTokens, minFrequency = 0, splitDigits = false, signal, onProgress } = options
  const byteLevel: TokenizerPart = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  const preTokenizer: TokenizerPart = splitDigits
    ? { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel] }
    : byteLevel
  const { cut } = byteLevelPreTokenizer(preTokenizer)!

  const wordCounts = new Map<string, number>()
  let seen = 0
  for await (const text of texts) {
    if (seen++ % 256 === 0) signal?.throwIfAborted()
    for (const word of cut(text)) wordCounts.set(word, (wordCounts.get(word) ?? 0) + 1)
  }

  const tokens = [...specialTokens, ...[...byteCharacters].sort()]
  const idOf = new Map(tokens.map((token, id) => [token, id]))
  const byteIds = byteCharacters.map(c => idOf.get(c)!)
  const words: number[][] = []
  const counts: number[] = []
  for (const [word, count] of wordCounts) {
    words.push(Array.from(Buffer.from(word, 'utf8'), byte => byteIds[byte]!))
    counts.push(count)
  }
  wordCounts.clear()

  const pairCounts = new Map<number, number>()
  const places = new Map<number, Set<number>>()
  const place = (pair: number, word: number) => {
    const set = places.get(pair)
    if (set) set.add(word)
    else places.set(pair, new Set([word]))
  }
  words.forEach((word, w) => {
    for (let i = 0; i + 1 < word.length; i++) {
      const pair = word[i]! * pairBase + word[i + 1]!
      pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + counts[w]!)
      place(pair, w)
    }
  })
  const queue = new Queue()
  const enqueuePlaces = () => {
    for (const [pair, at] of places) {
      const count = pairCounts.get(pair)!
      if (count > 0) queue.push({ pair, count, words: at })
    }
    places.clear()
  }
  enqueuePlaces()

  const merges: [string, string][] = []
  while (tokens.length < vocabSize) {
    const best = queue.pop()
    if (!best) break
    const count = pairCounts.get(best.pair)!
    if (best.count !== count) {
      best.count = count
      queue.push(best)
      continue
    }
    if (count < 1 || count < minFrequency) break
    const [left, right] = [Math.floor(best.pair / pairBase), best.pair % pairBase]
    const token = tokens[left]! + tokens[right]!
    let id = idOf.get(token)
    if (id === undefined) {
      id = tokens.push(token) - 1
      idOf.set(token, id)
    }
    merges.push([tokens[left]!, tokens[right]!])
    for (const w of best.words) {
      const change = (pair: number, by: number) => {
        pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + by * counts[w]!)
        if (by > 0) place(pair, w)
      }
      mergeIn(words[w]!, left, right, id, change)
    }
    enqueuePlaces()
    if (merges.length % 256 === 0) {
      onProgress?.(tokens.length)
      await new Promise(done => setImmediate(done))
      signal?.throwIfAborted()
    }
  }

  return {
    version: '1.0',
    truncation: null, padding: null,
    added_tokens: specialTokens.map((content, id) => (
      { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
    )),
    normalizer: null,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null,
      fuse_unk: false, byte_fallback: false, ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  }
}

/** Replaces each `left`, `right` in the word, in place, and says which pairs came and went. */
function mergeIn(word: number[], left: number, right: number, merged: number, change: (pair: number, by: number) => void): void {
  for (let i = 0; i + 1 < word.length; i++) {
    if (word[i] !== left || word[i + 1] !== right) continue
    if (i > 0) {
      change(word[i - 1]! * pairBase + left, -1)
      change(word[i - 1]! * pairBase + merged, 1)
    }
    word.splice(i, 2, merged)
    if (i + 1 < word.length) {
      change(right * pairBase + word[i + 1]!, -1)
      change(merged * pairBase + word[i + 1]!, 1)
    }
  }
}

/** A binary heap. */
class Queue {
  readonly #items: Candidate[] = []

  push(item: Candidate): void {
    const items = this.#items
    let i = items.push(item) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(item, items[parent]!)) break
      items[i] = items[parent]!
      i = parent
    }
    items[i] = item
  }

  pop(): Candidate | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (items.length === 0 || last === undefined) return top
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= items.length) break
      if (child + 1 < items.length && isBefore(items[child + 1]!, items[child]!)) child++
      if (!isBefore(items[child]!, last)) break
      items[i] = items[child]!
      i = child
    }
    items[i] = last
    return top
  }
}
