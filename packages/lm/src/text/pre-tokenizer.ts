/** Cuts a text into pieces that lie side by side: joined they are the text. Merges never cross their borders. */
export type PreTokenizer = (text: string) => readonly string[]

/** As it stands in a tokenizer.json. */
export type TokenizerPart = { readonly type: string; readonly [key: string]: unknown }

export const gpt2Pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

const escapeRegExp = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)

/** Letters in both cases. With /i, Unicode folds ſ to s and the Kelvin sign to k, as Oniguruma does. */
const bothCases = (pattern: string) =>
  pattern.replace(/[a-z]/gi, c => {
    const lower = c.toLowerCase()
    return `[${lower}${lower.toUpperCase()}${lower === 's' ? 'ſ' : lower === 'k' ? '\u212A' : ''}]`
  })

/**
 * An Oniguruma pattern of a tokenizer.json as a JavaScript one. `\s` means Unicode's White_Space there, which JavaScript's differs
 * from in U+0085 and U+FEFF. Throws (SyntaxError) where JavaScript has no such pattern.
 */
export function translatePattern(pattern: string): RegExp {
  const translated = pattern
    .replace(/\(\?i:((?:[^()\\]|\\.)*)\)/g, (_, body: string) => `(?:${bothCases(body)})`)
    .replace(/\\(.)/gsu, (whole, c: string) => {
      if (c === 's') return String.raw`\p{White_Space}`
      if (c === 'S') return String.raw`\P{White_Space}`
      // With the flag u only these may stand after a backslash.
      return /[a-zA-Z0-9^$\\.*+?()[\]{}|/]/.test(c) ? whole : c === '-' ? String.raw`\x2d` : c
    })
  return new RegExp(translated, 'gu')
}

/** Matches and what lies between them, each a piece (the behaviour `Isolated`). */
function isolate(pattern: RegExp): PreTokenizer {
  return text => {
    const matches = text.match(pattern)
    // The patterns of language models cover every character, and then the matches are all there is.
    if (matches && matches.reduce((n, m) => n + m.length, 0) === text.length) return matches
    const pieces: string[] = []
    let end = 0
    for (const match of text.matchAll(pattern)) {
      if (match[0] === '') continue
      if (match.index > end) pieces.push(text.slice(end, match.index))
      pieces.push(match[0])
      end = match.index + match[0].length
    }
    if (end < text.length) pieces.push(text.slice(end))
    return pieces
  }
}

/** What of a pre-tokenizer the byte-level encoder needs: how it cuts, and whether it puts a space before a text. */
export interface ByteLevelPreTokenizer {
  readonly cut: PreTokenizer
  readonly addPrefixSpace: boolean
}

/**
 * The pre-tokenizer of a byte-level tokenizer.json: ByteLevel, alone or after Split and Digits in a Sequence. Undefined where it
 * holds what only other tokenizers use.
 */
export function byteLevelPreTokenizer(part: TokenizerPart | null | undefined): ByteLevelPreTokenizer | undefined {
  const cuts: PreTokenizer[] = []
  let byteLevel: TokenizerPart | undefined
  const steps = part?.type === 'Sequence' ? (part.pretokenizers as readonly TokenizerPart[]) : part ? [part] : []
  for (const [i, step] of steps.entries()) {
    if (step.type === 'ByteLevel') {
      // A prefix space before anything but the start of the text belongs to the piece, which no model of today asks for.
      if (byteLevel || i !== steps.length - 1 || (step.add_prefix_space !== false && i > 0)) return undefined
      byteLevel = step
      if (step.use_regex !== false) cuts.push(isolate(translatePattern(gpt2Pattern)))
    } else if (step.type === 'Digits') {
      cuts.push(isolate(step.individual_digits ? /\p{N}/gu : /\p{N}+/gu))
    } else if (step.type === 'Split' && step.behavior === 'Isolated' && step.invert !== true) {
      const { Regex, String: literal } = step.pattern as { Regex?: string; String?: string }
      try {
        cuts.push(isolate(Regex === undefined ? new RegExp(escapeRegExp(literal ?? ''), 'gu') : translatePattern(Regex)))
      } catch {
        return undefined
      }
    } else return undefined
  }
  if (!byteLevel) return undefined
  const [first, ...rest] = cuts
  const cut: PreTokenizer = first ? text => rest.reduce<readonly string[]>((pieces, next) => pieces.flatMap(next), first(text)) : text => [text]
  return { cut, addPrefixSpace: byteLevel.add_prefix_space !== false }
}
