import type { TokenRows } from './types.js'

/** Collects rows of tokens: 5 bytes a token, and the ids of their examples. */
export class TokenRowsBuilder {
  #ids = new Int32Array(1 << 16)
  #mask = new Uint8Array(1 << 16)
  readonly #offsets: number[] = [0]
  readonly #exampleIds: string[] = []
  supervised = 0

  get rows(): number {
    return this.#exampleIds.length
  }

  get tokens(): number {
    return this.#offsets.at(-1)!
  }

  add(ids: readonly number[], mask: readonly number[], exampleId: string): void {
    const start = this.tokens
    const end = start + ids.length
    if (end > this.#ids.length) {
      const capacity = Math.max(end, this.#ids.length * 2)
      const [wider, widerMask] = [new Int32Array(capacity), new Uint8Array(capacity)]
      wider.set(this.#ids.subarray(0, start))
      widerMask.set(this.#mask.subarray(0, start))
      this.#ids = wider
      this.#mask = widerMask
    }
    this.#ids.set(ids, start)
    this.#mask.set(mask, start)
    for (const m of mask) this.supervised += m
    this.#offsets.push(end)
    this.#exampleIds.push(exampleId)
  }

  finish(): TokenRows {
    return {
      ids: this.#ids.subarray(0, this.tokens),
      mask: this.#mask.subarray(0, this.tokens),
      offsets: Int32Array.from(this.#offsets),
      exampleIds: this.#exampleIds,
    }
  }
}
