// The two measures of SQuAD v1.1's official evaluation script (Rajpurkar et al., 2016), written anew.
import { meanMetric } from './metric.js'

const PUNCTUATION = /[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]/g
// Python's \b and \s, which differ from JavaScript's: a word is letters and numbers of any script (punctuation, and with it the
// underscore, is gone by then), and the separators U+001C to U+001F and U+0085 are white space, while U+FEFF is none.
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu
// oxlint-disable-next-line no-control-regex
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/

const words = (text: string): string[] =>
  text.toLowerCase().replace(PUNCTUATION, '').replace(ARTICLES, ' ').split(SPACE).filter(word => word !== '')

/** Lower case, without ASCII punctuation, without the articles a, an and the, with single spaces. */
export const normalizeAnswer = (text: string): string => words(text).join(' ')

/** F1 of the two bags of normalized words; 0 where they share none, also where both are empty, as in v1.1. */
export function wordF1(prediction: string, reference: string): number {
  const predicted = words(prediction)
  const expected = words(reference)
  const left = new Map<string, number>()
  for (const word of expected) left.set(word, (left.get(word) ?? 0) + 1)
  let same = 0
  for (const word of predicted) {
    const count = left.get(word) ?? 0
    if (count > 0) {
      left.set(word, count - 1)
      same++
    }
  }
  if (same === 0) return 0
  const precision = same / predicted.length
  const recall = same / expected.length
  return (2 * precision * recall) / (precision + recall)
}

export const exactMatch = meanMetric('exact_match', 'The strings are equal, code unit by code unit.', (p, r) => (p === r ? 1 : 0))
export const exactMatchNormalized = meanMetric(
  'exact_match_normalized',
  "Equal after SQuAD's normalization: case, punctuation, articles and white space do not count.",
  (p, r) => (normalizeAnswer(p) === normalizeAnswer(r) ? 1 : 0),
)
export const f1 = meanMetric('f1', "SQuAD's F1 of the words that prediction and reference share.", wordF1)
