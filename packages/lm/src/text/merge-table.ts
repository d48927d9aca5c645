/** Of a pair that does not merge. */
export const noRank = 0x7fffffff

/**
 * The merges of a byte pair encoding: for two ids the rank of their merge, for a rank the id that it gives. A hash table with open
 * addressing over integers: a Map would need a key of both ids, which is no small integer, and that costs several times more.
 */
export class MergeTable {
  readonly #lefts: Int32Array
  readonly #rights: Int32Array
  readonly #rankOf: Int32Array
  readonly #merged: Int32Array
  readonly #mask: number
  #size = 0

  constructor(merges: number) {
    const slots = 2 ** Math.ceil(Math.log2(2 * merges + 1))
    this.#mask = slots - 1
    this.#lefts = new Int32Array(slots).fill(-1)
    this.#rights = new Int32Array(slots)
    this.#rankOf = new Int32Array(slots)
    this.#merged = new Int32Array(merges)
  }

  /** The next rank's merge. Of two equal pairs the later one stands, as Hugging Face's. */
  add(left: number, right: number, merged: number): void {
    const slot = this.#slotOf(left, right)
    this.#lefts[slot] = left
    this.#rights[slot] = right
    this.#rankOf[slot] = this.#size
    this.#merged[this.#size++] = merged
  }

  rank(left: number, right: number): number {
    const slot = this.#slotOf(left, right)
    return this.#lefts[slot] === left ? this.#rankOf[slot]! : noRank
  }

  merged(rank: number): number {
    return this.#merged[rank]!
  }

  /** Where the pair is, or the empty slot where it would be. */
  #slotOf(left: number, right: number): number {
    let slot = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 7 & this.#mask
    while (this.#lefts[slot]! >= 0 && (this.#lefts[slot] !== left || this.#rights[slot] !== right)) slot = (slot + 1) & this.#mask
    return slot
  }
}
