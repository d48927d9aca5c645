import { normalizeAnswer, wordF1 } from 'hone-lm'
import { words } from '../qa-convert/near.js'
import type { Answered, Category } from './category.js'

/** Case, punctuation and white space aside. */
const bare = (text: string): string => words(text).join(' ')

const refusal = /\b(i('m| am) (sorry|unable|not able)|i (can('|no)t|cannot|do not know|don't know)|as an (ai|language model)|unable to (answer|provide))\b/i

/** A run of one to eight words, or of up to twelve characters, four times over. */
const loops = (text: string): boolean => /(?:^|\s)((?:\S+\s+){0,7}\S+)(?:\s+\1){3,}(?=\s|$)/.test(text.slice(0, 2000)) || /(\S{1,12}?)\1{5,}/.test(text.slice(0, 2000))

const scripts = ['Latin', 'Cyrillic', 'Greek', 'Han', 'Hiragana', 'Katakana', 'Hangul', 'Arabic', 'Hebrew', 'Devanagari', 'Thai'].map(name => new RegExp(`\\p{Script=${name}}`, 'u'))

/** Replacement characters, hardly any letter, or a script that neither question nor reference uses. */
function isGarbled({ question, reference, prediction }: Answered): boolean {
  if (prediction.includes('\uFFFD')) return true
  if (scripts.some(script => script.test(prediction) && !script.test(question) && !script.test(reference))) return true
  const visible = prediction.replace(/\s/g, '')
  const letters = visible.match(/[\p{L}\p{N}]/gu)?.length ?? 0
  return visible.length >= 8 && letters < visible.length / 3 && /[\p{L}\p{N}]{2}/u.test(reference)
}

/** Levenshtein distance, or `limit` when it is at least that. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return Math.min(limit, row[b.length]!)
}

const digitless = (text: string) => bare(text).replace(/\p{N}+/gu, '0')
const startsWithWords = (text: string, start: string) => text === start || text.startsWith(`${start} `)
const holdsWords = (text: string, part: string) => part !== '' && ` ${text} `.includes(` ${part} `)

/** In the order in which they are tried. */
export const builtInCategories: readonly Category[] = [
  { id: 'empty', title: 'Empty answer', about: 'Nothing, or only white space.', test: r => r.prediction.trim() === '' },
  { id: 'surface', title: 'Case or punctuation only', about: 'Right but for case, punctuation or white space.', test: r => bare(r.prediction) !== '' && bare(r.prediction) === bare(r.reference) },
  { id: 'repetition-loop', title: 'Repetition loop', about: 'The same words, four times or more in a row.', test: r => loops(r.prediction) && !loops(r.reference) },
  { id: 'refusal', title: 'Refuses', about: 'Says that it cannot or does not know.', test: r => refusal.test(r.prediction) && !refusal.test(r.reference) },
  { id: 'other-answer', title: 'Another known answer', about: 'The right type of answer, but that of another question.', test: r => r.knownAnswers.has(normalizeAnswer(r.prediction)) },
  { id: 'goes-on', title: 'Right, then goes on', about: 'Starts with the reference and does not stop.', test: r => bare(r.reference) !== '' && startsWithWords(bare(r.prediction), bare(r.reference)) },
  { id: 'repeats-question', title: 'Repeats the question', about: 'Words of the question instead of an answer.', test: r => words(r.prediction).length >= 4 && repeats(bare(r.question), words(r.prediction)) },
  { id: 'contains-reference', title: 'Contains the reference', about: 'The reference stands in it, among other words.', test: r => holdsWords(bare(r.prediction), bare(r.reference)) },
  { id: 'number', title: 'Number differs', about: 'Right but for the digits.', test: r => /\p{N}/u.test(r.reference) && digitless(r.prediction) === digitless(r.reference) },
  { id: 'garbled', title: 'Garbled or another script', about: 'Broken characters, hardly a letter, or a script that the question does not use.', test: isGarbled },
  { id: 'too-long', title: 'Does not stop', about: 'Over four times as long as the longest answer known.', test: r => r.prediction.length > Math.max(60, 4 * r.longestAnswer) },
  { id: 'cut-short', title: 'Part of the reference', about: 'Some of the reference, and nothing else.', test: r => holdsWords(bare(r.reference), bare(r.prediction)) },
  { id: 'spelling', title: 'Almost spelled right', about: 'A few letters off: an edit distance of at most a fifth of the reference.', test: r => r.reference.length >= 5 && distance(r.prediction.trim().slice(0, 400), r.reference.slice(0, 400), Math.floor(r.reference.length / 5) + 1) <= Math.floor(r.reference.length / 5) },
  { id: 'overlap-high', title: 'Shares half or more', about: 'Word F1 with the reference of 0.5 or more.', test: r => wordF1(r.prediction, r.reference) >= 0.5 },
  { id: 'overlap-low', title: 'Shares some words', about: 'Word F1 with the reference above 0 and below 0.5.', test: r => wordF1(r.prediction, r.reference) > 0 },
  { id: 'unrelated', title: 'Nothing in common', about: 'No word of the reference.', test: () => true },
]

/** Whether four fifths of an answer's runs of four words stand in the question. */
function repeats(question: string, answer: readonly string[]): boolean {
  const runs = Array.from({ length: answer.length - 3 }, (_, i) => answer.slice(i, i + 4).join(' '))
  return runs.filter(run => holdsWords(question, run)).length >= 0.8 * runs.length
}
