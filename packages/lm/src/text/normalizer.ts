import type { TokenizerPart } from './pre-tokenizer.js'

/** A text after normalization; the UTF-16 unit `i` of it comes from [starts[i], ends[i]) of the original. No arrays: nothing changed. */
export interface NormalizedText {
  readonly text: string
  readonly starts?: Int32Array
  readonly ends?: Int32Array
}

export type Normalizer = (text: string) => NormalizedText

const unchanged: Normalizer = text => ({ text })

/** A character with its combining marks, or a run of Hangul letters: what composes stays together. */
const composing = /[\u1100-\u11FF]+|\P{M}\p{M}*|\p{M}+/gu

function unicodeForm(form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): Normalizer {
  return original => {
    const text = original.normalize(form)
    if (text === original) return { text }
    let pieces: readonly string[] = original.match(composing) ?? []
    // Where the parts do not give the whole, every unit comes from all of it.
    if (pieces.map(p => p.normalize(form)).join('') !== text) pieces = [original]
    const starts = new Int32Array(text.length)
    const ends = new Int32Array(text.length)
    let from = 0
    let to = 0
    for (const piece of pieces) {
      const length = pieces.length === 1 ? text.length : piece.normalize(form).length
      starts.fill(from, to, to + length)
      ends.fill(from + piece.length, to, to + length)
      from += piece.length
      to += length
    }
    return { text, starts, ends }
  }
}

/** The normalizer of a byte-level tokenizer.json: none, or a Unicode form. Undefined where it is another. */
export function byteLevelNormalizer(part: TokenizerPart | null | undefined): Normalizer | undefined {
  if (!part) return unchanged
  if (part.type === 'NFC' || part.type === 'NFD' || part.type === 'NFKC' || part.type === 'NFKD') return unicodeForm(part.type)
  if (part.type === 'Sequence') {
    const steps = part.normalizers as readonly TokenizerPart[]
    if (steps.length <= 1) return byteLevelNormalizer(steps[0])
  }
  return undefined
}
