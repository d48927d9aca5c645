/** A token that is found in the text before anything else is done with it, as in a tokenizer.json's `added_tokens`. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  readonly special: boolean
  readonly single_word?: boolean
  readonly lstrip?: boolean
  readonly rstrip?: boolean
  readonly normalized?: boolean
}

/** A stretch [start, end) of the text: an added token, or text between two. */
export interface Stretch {
  readonly start: number
  readonly end: number
  readonly token: AddedToken | undefined
}

const wordCharacter = /[\p{L}\p{M}\p{N}\p{Pc}]/u
const leadingSpace = /^\p{White_Space}+/u
const trailingSpace = /\p{White_Space}+$/u

/** Finds added tokens from left to right, the longest first, as Hugging Face's does. */
export function addedTokenFinder(tokens: readonly AddedToken[]): (text: string) => Stretch[] {
  const usable = tokens.filter(t => t.content !== '')
  if (usable.length === 0) return text => (text === '' ? [] : [{ start: 0, end: text.length, token: undefined }])
  const byContent = new Map(usable.map(t => [t.content, t]))
  const longestFirst = [...byContent.keys()].sort((a, b) => b.length - a.length)
  const pattern = new RegExp(longestFirst.map(c => c.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)).join('|'), 'g')
  return text => {
    const stretches: Stretch[] = []
    let done = 0
    for (const match of text.matchAll(pattern)) {
      const token = byContent.get(match[0])!
      let start = match.index
      let end = start + match[0].length
      if (token.single_word && ((start > 0 && wordCharacter.test(text[start - 1]!)) || (end < text.length && wordCharacter.test(text[end]!)))) continue
      if (start < done) continue
      if (token.lstrip) start -= trailingSpace.exec(text.slice(done, start))?.[0].length ?? 0
      if (token.rstrip) end += leadingSpace.exec(text.slice(end))?.[0].length ?? 0
      if (start > done) stretches.push({ start: done, end: start, token: undefined })
      stretches.push({ start, end, token })
      done = end
    }
    if (done < text.length) stretches.push({ start: done, end: text.length, token: undefined })
    return stretches
  }
}
