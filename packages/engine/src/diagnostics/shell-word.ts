/** A word as a shell takes it: `[` in the name of a matrix's member is a pattern there. */
export const shellWord = (word: string): string => (/^[\w./:@,=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)
