import { readFile } from 'node:fs/promises'

export interface Entry {
  readonly term: string
  readonly meaning: string
}

/** The entries of a glossary. `wrong` is told the number of a line that is none, and ends the reading. */
export async function readEntries(path: string, wrong: (line: number) => never): Promise<Entry[]> {
  const lines = (await readFile(path, 'utf8')).split('\n')
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    const [, term, meaning] = /^([^:]+): (.+)$/.exec(line.trim()) ?? wrong(i + 1)
    return [{ term: term!, meaning: meaning! }]
  })
}
