import { byteCharacters } from './byte-alphabet.js'
import { MergeTable, noRank } from './merge-table.js'

/** The tokens of one word: ids, and the [start, end) of each in the word's UTF-8 bytes. */
export interface EncodedWord {
  readonly ids: readonly number[]
  readonly starts: readonly number[]
  readonly ends: readonly number[]
}

/** The symbols of a word that are left to merge: each one's id and its [start, end) in bytes. */
interface Symbols {
  readonly ids: Int32Array
  readonly starts: Int32Array
  readonly ends: Int32Array
}

const symbolsOf = (n: number): Symbols => ({ ids: new Int32Array(n), starts: new Int32Array(n), ends: new Int32Array(n) })

const cachedWords = 1 << 17
const longestCached = 64
// A short word's pairs are looked through at each merge; those of a longer one wait in a heap, lest its time grow with the square.
const longestSearched = 64
// The rank in the high digits and the position in the low ones: the smallest key is the lowest rank, leftmost.
const positionBase = 2 ** 27

/**
 * Byte-level byte pair encoding (Sennrich et al. 2016, over bytes as in GPT-2). Merges the pair of lowest rank, leftmost first,
 * until none is left. Words repeat, so their tokens are kept; that is where the speed comes from.
 */
export class BytePairEncoder {
  readonly #vocab: ReadonlyMap<string, number>
  readonly #byteIds: Int32Array
  readonly #merges: MergeTable
  readonly #wholeWordsFirst: boolean
  // Of short words, used again for each.
  readonly #symbols = symbolsOf(longestSearched)
  readonly #ranks = new Int32Array(longestSearched)
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
    this.#merges = new MergeTable(merges.length)
    for (const [left, right] of merges) this.#merges.add(idOf(left), idOf(right), idOf(left + right))
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
    const symbols = utf8.length <= longestSearched ? this.#symbols : symbolsOf(utf8.length)
    let n = 0
    for (let at = 0; at < utf8.length; at++) {
      const id = this.#byteIds[utf8[at]!]!
      if (id < 0) continue
      symbols.ids[n] = id
      symbols.starts[n] = at
      symbols.ends[n++] = at + 1
    }
    n = n <= longestSearched ? this.#mergeSearching(symbols, n) : this.#mergeByHeap(symbols, n)
    const encoded = { ids: [] as number[], starts: [] as number[], ends: [] as number[] }
    for (let i = 0; i < n; i++) {
      encoded.ids.push(symbols.ids[i]!)
      encoded.starts.push(symbols.starts[i]!)
      encoded.ends.push(symbols.ends[i]!)
    }
    return encoded
  }

  /** Merges the first `n` symbols until nothing merges, and returns how many are left. */
  #mergeSearching({ ids, starts, ends }: Symbols, n: number): number {
    const [ranks, merges] = [this.#ranks, this.#merges]
    for (let i = 0; i < n - 1; i++) ranks[i] = merges.rank(ids[i]!, ids[i + 1]!)
    for (;;) {
      let [lowest, at] = [noRank, -1]
      for (let i = 0; i < n - 1; i++) {
        if (ranks[i]! >= lowest) continue
        lowest = ranks[i]!
        at = i
      }
      if (at < 0) return n
      ids[at] = merges.merged(lowest)
      ends[at] = ends[at + 1]!
      n--
      for (let i = at + 1; i < n; i++) {
        ids[i] = ids[i + 1]!
        starts[i] = starts[i + 1]!
        ends[i] = ends[i + 1]!
        ranks[i] = ranks[i + 1]!
      }
      if (at < n - 1) ranks[at] = merges.rank(ids[at]!, ids[at + 1]!)
      if (at > 0) ranks[at - 1] = merges.rank(ids[at - 1]!, ids[at]!)
    }
  }

  /** The same for a long word, in n log n steps. */
  #mergeByHeap({ ids, starts, ends }: Symbols, n: number): number {
    const isMerged = new Uint8Array(n)
    const next = Int32Array.from({ length: n }, (_, i) => i + 1)
    const previous = Int32Array.from({ length: n }, (_, i) => i - 1)
    const heap = new MinHeap()
    const rankAt = (i: number) => (next[i]! < n ? this.#merges.rank(ids[i]!, ids[next[i]!]!) : noRank)
    const offer = (i: number) => {
      const rank = rankAt(i)
      if (rank !== noRank) heap.push(rank * positionBase + i)
    }
    for (let i = 0; i < n - 1; i++) offer(i)
    for (let key = heap.pop(); key !== undefined; key = heap.pop()) {
      const rank = Math.floor(key / positionBase)
      const i = key % positionBase
      // The pair may be gone by now: one of the two was merged with another neighbour.
      if (isMerged[i] || rankAt(i) !== rank) continue
      const right = next[i]!
      ids[i] = this.#merges.merged(rank)
      ends[i] = ends[right]!
      isMerged[right] = 1
      next[i] = next[right]!
      if (next[i]! < n) previous[next[i]!] = i
      if (previous[i]! >= 0) offer(previous[i]!)
      offer(i)
    }
    let left = 0
    for (let i = 0; i < n; i = next[i]!) {
      ids[left] = ids[i]!
      starts[left] = starts[i]!
      ends[left++] = ends[i]!
    }
    return left
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
