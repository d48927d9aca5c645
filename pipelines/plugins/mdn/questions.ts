import type { Entry, EntryKind } from './entries.js'

/** What an entry may be called in a question. Pseudo-classes and pseudo-elements are one kind and at-rules none: there are too few to balance. */
export const kinds = ['CSS property', 'CSS value', 'CSS selector', 'HTML element', 'HTML attribute'] as const
export type Kind = (typeof kinds)[number]

export const kindOf: Readonly<Record<EntryKind, Kind | undefined>> = {
  'CSS property': 'CSS property',
  'CSS value': 'CSS value',
  'CSS pseudo-class': 'CSS selector',
  'CSS pseudo-element': 'CSS selector',
  'CSS at-rule': undefined,
  'HTML element': 'HTML element',
  'HTML attribute': 'HTML attribute',
}

const withArticle = (kind: Kind) => `${kind.startsWith('H') ? 'an' : 'a'} ${kind}`
const listed = kinds.map(withArticle)

export const kindQuestion = (masked: string): string => `What is this: ${listed.slice(0, -1).join(', ')} or ${listed.at(-1)}?\n\n${masked}`
export const nameQuestion = (kind: Kind, masked: string): string => `Which ${kind} is this?\n\n${masked}`

/** The sentences of a description up to the one that goes beyond so many characters. */
export function shorten(description: string, characters: number): string {
  const sentences = description.split(/(?<=[.!?])\s+(?=[A-Z])/)
  let text = sentences[0]!
  for (const sentence of sentences.slice(1)) {
    if (text.length + 1 + sentence.length > characters) break
    text += ` ${sentence}`
  }
  if (text.length <= characters) return text
  return `${text.slice(0, text.lastIndexOf(' ', characters))} …`
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** The description with the entry's name replaced by `___`, with or without its colons, brackets or prefix; of names of one letter only where they are named as such. */
export function mask({ name, description }: Pick<Entry, 'name' | 'description'>): string {
  const core = name.replace(/^[:@]+/, '').replace(/\(.*\)$/, '')
  const bare = core.replace(/^-(webkit|moz|ms|o|khtml|apple|epub)-/, '')
  return [...new Set([core, bare])].reduce((text, word) => (word.length < 2 ? maskLetter(text, word) : maskWord(text, word)), description)
}

const maskLetter = (text: string, letter: string) =>
  text.includes(letter) ? text.replace(new RegExp(`(?<=\\b[Tt]he )${escaped(letter)}(?= (element|attribute))|<${escaped(letter)}>`, 'gi'), '___') : text

const partOfWord = /[\p{L}\p{N}_-]/u

/** By hand: an expression of its own for each name, with classes of all scripts, takes a millisecond to compile. */
function maskWord(text: string, word: string): string {
  const lower = text.toLowerCase()
  const wanted = word.toLowerCase()
  let masked = ''
  let done = 0
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + 1)) {
    if (at < done || partOfWord.test(text.charAt(at - 1)) || partOfWord.test(text.charAt(at + word.length))) continue
    let from = at
    while (from > done && ':@<'.includes(text.charAt(from - 1))) from--
    let to = at + word.length
    if (text.startsWith('()', to)) to += 2
    if (text.charAt(to) === '>') to++
    masked += `${text.slice(done, from)}___`
    done = to
  }
  return masked + text.slice(done)
}
