import { bare, choices, either } from './choice.js'
import type { DocComment } from './doc-comments.js'
import { sorts, type Synset } from './wordnet.js'

/** A piece of text for pre-training: prose that is put together into documents, or one exchange of a chat. */
export type Piece = { readonly type: 'prose'; readonly text: string } | { readonly type: 'chat'; readonly question: string; readonly answer: string }

const prose = (text: string): Piece => ({ type: 'prose', text })
const chat = (question: string, answer: string): Piece => ({ type: 'chat', question, answer })
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

const partNames = ['a noun', 'a verb', 'an adjective', 'an adverb']

/** A definition both ways round, as prose or as a question with its answer, and sometimes what sort of thing it is. */
export function fromSynset({ terms, part, definition, examples, sort }: Synset): Piece[] {
  const choose = choices(`${terms.join()}|${definition}`)
  const term = terms[0]!
  const names = terms.slice(0, 3)
  const pieces: Piece[] = []
  if (choose.below(100) < 75) pieces.push(prose(`${names.join(', ')} (${part}): ${definition}.${examples.slice(0, 2).map(e => ` "${e}"`).join('')}`))
  else pieces.push(chat(choose.of([`What does "${term}" mean?`, `What is meant by "${term}"?`, `Explain "${term}".`]), `${capital(definition)}.`))
  const back = choose.below(100)
  if (back < 50) pieces.push(prose(`${definition}: ${names.join(', ')}`))
  else if (back < 75) pieces.push(chat(choose.of([`Which word has this meaning?\n\n${capital(definition)}.`, `Which ${part} is this?\n\n${capital(definition)}.`, `What is this called?\n\n${capital(definition)}.`]), term))
  if (sort !== undefined && choose.below(100) < 40) {
    const others = choose.shuffled(Object.values(sorts).filter(s => s !== sort)).slice(0, 2 + choose.below(5))
    pieces.push(chat(`What is this: ${either(choose.shuffled([sort, ...others]))}?\n\n${capital(definition)}.`, bare(sort)))
  } else if (choose.below(100) < 12) {
    pieces.push(chat(`What kind of word is this: ${either(choose.shuffled(partNames))}?\n\n${capital(definition)}.`, part))
  }
  return pieces
}

const docKinds = ['an interface', 'a class', 'an enumeration', 'a function', 'a type', 'a constant', 'a method', 'a property', 'a value of an enumeration', 'a constructor']

/** A documentation comment as prose under its name, and its first sentence as questions: what it is, and which. */
export function fromDocComment({ name, kind, paragraphs }: DocComment): Piece[] {
  const text = paragraphs.join('\n')
  const choose = choices(`${name}|${text}`)
  const pieces: Piece[] = [prose(name === undefined ? text : `${name}${kind === undefined ? '' : ` (${bare(kind)})`}\n${text}`)]
  const first = firstSentence(paragraphs[0]!)
  if (name === undefined || kind === undefined || first.length > 400) return pieces
  const masked = first.replaceAll(name, '___')
  if (choose.below(100) < 45) {
    const others = choose.shuffled(docKinds.filter(k => k !== kind)).slice(0, 2 + choose.below(5))
    pieces.push(chat(`What is this: ${either(choose.shuffled([kind, ...others]))}?\n\n${masked}`, bare(kind)))
  }
  if (choose.below(100) < 25) pieces.push(chat(`Which ${bare(kind)} is this?\n\n${masked}`, name))
  if (choose.below(100) < 25) pieces.push(chat(choose.of([`What is ${name}?`, `What does ${name} stand for?`, `Describe ${name}.`]), first))
  return pieces
}

export const firstSentence = (text: string): string => /^.+?[.!?](?=\s+[A-Z(]|$)/.exec(text)?.[0] ?? text
