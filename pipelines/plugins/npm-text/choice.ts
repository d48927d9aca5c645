import { createHash } from 'node:crypto'

/** Choices that depend on a text alone, so that a row says the same wherever it stands. */
export function choices(text: string): { below(n: number): number; of<T>(list: readonly T[]): T; shuffled<T>(list: readonly T[]): T[] } {
  let state = createHash('sha256').update(text).digest().readUInt32LE(0)
  /** Mulberry32. */
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number) => Math.floor(next() * n)
  return {
    below,
    of: list => list[below(list.length)]!,
    shuffled(list) {
      const copy = [...list]
      for (let i = copy.length - 1; i > 0; i--) {
        const j = below(i + 1)
        ;[copy[i], copy[j]] = [copy[j]!, copy[i]!]
      }
      return copy
    },
  }
}

/** `a`, `a or b`, `a, b or c`. */
export const either = (list: readonly string[]): string => (list.length < 2 ? list.join('') : `${list.slice(0, -1).join(', ')} or ${list.at(-1)}`)

/** `an animal` → `animal`. */
export const bare = (noun: string): string => noun.replace(/^an? /, '')
