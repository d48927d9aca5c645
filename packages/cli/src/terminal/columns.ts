import { stripVTControlCharacters } from 'node:util'

/** Rows as left-aligned columns, two spaces between; the last column is as long as it is. */
export function columns(rows: readonly (readonly string[])[]): string {
  const width = (text: string) => stripVTControlCharacters(text).length
  const widths = rows[0]?.map((_, c) => Math.max(...rows.map(r => width(r[c] ?? '')))) ?? []
  return rows.map(row => row.map((cell, c) => (c === row.length - 1 ? cell : cell + ' '.repeat((widths[c] ?? 0) - width(cell)))).join('  ').trimEnd()).join('\n')
}
