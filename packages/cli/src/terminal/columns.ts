import { stripVTControlCharacters } from 'node:util'

/** Rows as left-aligned columns, two spaces between; the last column is as long as it is, or, being plain text, cut to what `fit` leaves it. */
export function columns(rows: readonly (readonly string[])[], fit = Infinity): string {
  const width = (text: string) => stripVTControlCharacters(text).length
  const widths = rows[0]?.map((_, c) => Math.max(...rows.map(r => width(r[c] ?? '')))) ?? []
  const room = Math.max(8, fit - widths.slice(0, -1).reduce((n, w) => n + w + 2, 0))
  const cut = (text: string) => (width(text) <= room ? text : `${text.slice(0, room - 1)}…`)
  return rows.map(row => row.map((cell, c) => (c === row.length - 1 ? cut(cell) : cell + ' '.repeat((widths[c] ?? 0) - width(cell)))).join('  ').trimEnd()).join('\n')
}
