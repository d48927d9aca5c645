import type { TokenizeParams } from './huggingface.js'

/** A row of tokens and what of it is learned. */
export interface Row {
  readonly ids: readonly number[]
  readonly mask: readonly (0 | 1)[]
}

/** The first and the last tokens that are kept of a row of `length`. */
function keptRanges(length: number, most: number, how: 'left' | 'right' | 'middle'): [number, number][] {
  if (how === 'left') return [[length - most, length]]
  if (how === 'right') return [[0, most]]
  const head = Math.ceil(most / 2)
  return [[0, head], [length - (most - head), length]]
}

/** What becomes of a row that is longer than `most` tokens: none, one, or several rows of at most that many. */
export function cutRow({ ids, mask }: Row, most: number, how: Exclude<TokenizeParams['truncation'], 'error'>): Row[] {
  const take = (ranges: readonly (readonly [number, number])[]): Row => ({
    ids: ranges.flatMap(([start, end]) => ids.slice(start, end)),
    mask: ranges.flatMap(([start, end]) => mask.slice(start, end)),
  })
  switch (how) {
    case 'drop': return []
    case 'split': return Array.from({ length: Math.ceil(ids.length / most) }, (_, i) => take([[i * most, Math.min(ids.length, (i + 1) * most)]]))
    default: return [take(keptRanges(ids.length, most, how))]
  }
}
