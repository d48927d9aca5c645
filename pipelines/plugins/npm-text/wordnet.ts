import { readFile } from 'node:fs/promises'

/** A set of synonyms with its meaning. */
export interface Synset {
  readonly terms: readonly string[]
  readonly part: 'noun' | 'verb' | 'adjective' | 'adverb'
  readonly definition: string
  readonly examples: readonly string[]
  /** What sort of thing a noun names, with its article. */
  readonly sort: string | undefined
}

/** WordNet's lexicographer files of nouns, 4 to 28, as one would say them; those left out say too little. */
export const sorts: Readonly<Record<number, string>> = {
  4: 'an act', 5: 'an animal', 6: 'a man-made object', 7: 'an attribute', 8: 'a body part', 9: 'a thought or field of knowledge', 10: 'a kind of communication',
  11: 'an event', 12: 'a feeling', 13: 'a food', 14: 'a group', 15: 'a place', 17: 'a natural object', 18: 'a person', 19: 'a natural phenomenon', 20: 'a plant',
  21: 'a possession', 22: 'a process', 23: 'a quantity', 24: 'a relation', 25: 'a shape', 26: 'a state', 27: 'a substance', 28: 'a time',
}

const parts = { n: 'noun', v: 'verb', a: 'adjective', s: 'adjective', r: 'adverb' } as const

/** Reads a `data.*` file: offset, file number, part, count in hexadecimal, words with ids, pointers, `|`, the gloss (see wndb(5WN)). */
export async function readSynsets(path: string): Promise<Synset[]> {
  const synsets: Synset[] = []
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    const bar = line.indexOf(' | ')
    if (line.startsWith(' ') || bar < 0) continue
    const fields = line.slice(0, bar).split(' ')
    const count = parseInt(fields[3]!, 16)
    const terms = Array.from({ length: count }, (_, i) => fields[4 + 2 * i]!.replace(/\((a|p|ip)\)$/, '').replaceAll('_', ' '))
    const gloss = line.slice(bar + 3).trim()
    const quote = gloss.search(/[;:]?\s*"/)
    const definition = (quote < 0 ? gloss : gloss.slice(0, quote)).replace(/[;:]\s*$/, '').trim()
    const examples = [...gloss.matchAll(/"([^"]{8,})"/g)].map(m => m[1]!.trim())
    if (definition.length < 6) continue
    synsets.push({ terms, part: parts[fields[2] as keyof typeof parts], definition, examples, sort: fields[2] === 'n' ? sorts[Number(fields[1])] : undefined })
  }
  return synsets
}
