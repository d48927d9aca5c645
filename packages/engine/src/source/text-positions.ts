import type { SourceRange } from '../diagnostics/diagnostic.js'

/** Turns offsets of one text into lines and columns. The table of lines is made when first asked for. */
export class TextPositions {
  readonly file: string
  readonly text: string
  #lineStarts: number[] | undefined

  constructor(file: string, text: string) {
    this.file = file
    this.text = text
  }

  range(offset: number, length: number): SourceRange {
    const starts = (this.#lineStarts ??= lineStartsOf(this.text))
    const at = Math.max(0, Math.min(offset, this.text.length))
    let [low, high] = [0, starts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= at) low = middle
      else high = middle - 1
    }
    return { file: this.file, offset: at, length: Math.max(0, length), line: low + 1, column: at - starts[low]! + 1 }
  }
}

function lineStartsOf(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/**
 * Where the character `index` of a scalar's value stands in its source text (quotes, escapes, folded lines and the indentation
 * of block scalars taken into account), counted from the start of the scalar. Exact but for positions inside of folded white space.
 */
export function sourceIndex(source: string, value: string, style: 'plain' | 'single' | 'double' | 'block', index: number): number {
  let at = style === 'block' ? source.indexOf('\n') + 1 : style === 'plain' ? 0 : 1
  let seen = 0
  const isSpace = (c: string | undefined) => c === ' ' || c === '\t' || c === '\n' || c === '\r'
  // A block scalar's first line is indented by as much as all are.
  if (style === 'block') while (source[at] === ' ' && value[0] !== ' ') at++
  while (seen < index && at < source.length) {
    const c = source[at]!
    if (style === 'double' && c === '\\') {
      const kind = source[at + 1]
      if (kind === '\n' || kind === '\r') {
        at += 2
        while (isSpace(source[at])) at++
        continue
      }
      const digits = kind === 'x' ? 2 : kind === 'u' ? 4 : kind === 'U' ? 8 : 0
      at += 2 + digits
      seen += digits === 8 && value.codePointAt(seen)! > 0xffff ? 2 : 1
    } else if (style === 'single' && c === "'" && source[at + 1] === "'") {
      at += 2
      seen++
    } else if (c === '\n' || c === '\r' || (isSpace(c) && c !== value[seen])) {
      // A break with the indentation after it stands for the white space in the value.
      while (isSpace(source[at])) at++
      if (isSpace(value[seen])) while (isSpace(value[seen]) && seen < index) seen++
    } else {
      at++
      seen++
    }
  }
  return Math.min(at, source.length)
}
