import { byteCharacters } from './byte-alphabet.js'

/** The tokens of one word: ids, and the [start, end) of each in the word's UTF-8 bytes. */
export interface EncodedWord {
  readonly ids: readonly number[]
  readonly starts: readonly number[]
  readonly ends: readonly number[]
}

// Left and right id in one number, so that a pair is a key without making a string.
const pairBase = 2 ** 24
// The rank in the high digits and the position in the low ones: the smallest key is the lowest rank, leftmost.
const positionBase = 2 ** 27
const cachedWords = 1 << 17
const longestCached = 64

/**
 * Byte-level byte pair encoding (Sennrich et al. 2016, over bytes as in GPT-2). Merges the pair of lowest rank, leftmost first,
 * until none is left. Words repeat, so their tokens are kept; that is where the speed comes from.
 */
export class BytePairEncoder {
  readonly #vocab: ReadonlyMap<string, number>
  readonly #byteIds: Int32Array
  readonly #ranks = new Map<number, number>()
  readonly #merged: number[] = []
  readonly #wholeWordsFirst: boolean
  #cache = new Map<string, EncodedWord>()

  /**
   * Throws where a merge names a token that the vocabulary lacks. A byte that it lacks is left out of a text, as Hugging Face's
   * does: SmolLM2's has no token for some control characters. `wholeWordsFirst` is `ignore_merges`.
   */
  constructor(vocab: ReadonlyMap<string, number>, merges: readonly (readonly [string, string])[], wholeWordsFirst = false) {
    this.#vocab = vocab
    this.#wholeWordsFirst = wholeWordsFirst
    const idOf = (token: string) => {
      const id = vocab.get(token)
      if (id === undefined) throw new Error(`the vocabulary lacks the token ${JSON.stringify(token)}, which a merge names`)
      return id
    }
    this.#byteIds = Int32Array.from(byteCharacters, c => vocab.get(c) ?? -1)
    merges.forEach(([left, right], rank) => {
      const pair = idOf(left) * pairBase + idOf(right)
      // As Hugging Face's: of two equal pairs the later one stands.
      this.#ranks.set(pair, rank)
      this.#merged.push(idOf(left + right))
    })
  }

  encode(word: string): EncodedWord {
    const known = this.#cache.get(word)
    if (known) return known
    const encoded = this.#encodeAnew(word)
    if (word.length <= longestCached) {
      if (this.#cache.size >= cachedWords) this.#cache = new Map()
      this.#cache.set(word, encoded)
    }
    return encoded
  }

  #encodeAnew(word: string): EncodedWord {
    const utf8 = Buffer.from(word, 'utf8')
    if (this.#wholeWordsFirst) {
      const whole = this.#vocab.get(Array.from(utf8, byte => byteCharacters[byte]).join(''))
      if (whole !== undefined) return { ids: [whole], starts: [0], ends: [utf8.length] }
    }
    const known = Int32Array.from(utf8.keys()).filter(i => this.#byteIds[utf8[i]!]! >= 0)
    const n = known.length
    const ids = known.map(i => this.#byteIds[utf8[i]!]!)
    const ends = known.map(i => i + 1)
    const isMerged = new Uint8Array(n)
    const next = Int32Array.from({ length: n }, (_, i) => i + 1)
    const previous = Int32Array.from({ length: n }, (_, i) => i - 1)
    const heap = new MinHeap()
    const rankAt = (i: number) => (next[i]! < n ? this.#ranks.get(ids[i]! * pairBase + ids[next[i]!]!) : undefined)
    const offer = (i: number) => {
      const rank = rankAt(i)
      if (rank !== undefined) heap.push(rank * positionBase + i)
    }
    for (let i = 0; i < n - 1; i++) offer(i)
    for (let key = heap.pop(); key !== undefined; key = heap.pop()) {
      const rank = Math.floor(key / positionBase)
      const i = key % positionBase
      // The pair may be gone by now: one of the two was merged with another neighbour.
      if (isMerged[i] || rankAt(i) !== rank) continue
      const right = next[i]!
      ids[i] = this.#merged[rank]!
      ends[i] = ends[right]!
      isMerged[right] = 1
      next[i] = next[right]!
      if (next[i]! < n) previous[next[i]!] = i
      if (previous[i]! >= 0) offer(previous[i]!)
      offer(i)
    }
    const encoded = { ids: [] as number[], starts: [] as number[], ends: [] as number[] }
    for (let i = 0; i < n; i = next[i]!) {
      encoded.ids.push(ids[i]!)
      encoded.starts.push(known[i]!)
      encoded.ends.push(ends[i]!)
    }
    return encoded
  }
}

class MinHeap {
  readonly #keys: number[] = []

  push(key: number): void {
    const keys = this.#keys
    let i = keys.push(key) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (keys[parent]! <= key) break
      keys[i] = keys[parent]!
      i = parent
    }
    keys[i] = key
  }

  pop(): number | undefined {
    const keys = this.#keys
    const top = keys[0]
    const last = keys.pop()
    if (keys.length === 0 || last === undefined) return top
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= keys.length) break
      if (child + 1 < keys.length && keys[child + 1]! < keys[child]!) child++
      if (keys[child]! >= last) break
      keys[i] = keys[child]!
      i = child
    }
    keys[i] = last
    return top
  }
}
