import { stripVTControlCharacters } from 'node:util'

const width = (text: string) => stripVTControlCharacters(text).length

/** Rows as left-aligned columns, two spaces between; the last column is as long as it is, or, being plain text, cut to what `fit` leaves it. */
export function columns(rows: readonly (readonly string[])[], fit = Infinity): string {
  const widths = rows[0]?.map((_, c) => Math.max(...rows.map(r => width(r[c] ?? '')))) ?? []
  const room = Math.max(8, fit - widths.slice(0, -1).reduce((n, w) => n + w + 2, 0))
  const cut = (text: string) => (width(text) <= room ? text : `${text.slice(0, room - 1)}…`)
  return rows.map(row => row.map((cell, c) => (c === row.length - 1 ? cut(cell) : cell + ' '.repeat((widths[c] ?? 0) - width(cell)))).join('  ').trimEnd()).join('\n')
}

const leastLast = 12

/** Rows of a stage's name, what it uses, and more: in a narrow terminal the second goes first, then the name is cut, so that no line is broken. */
export function fittedStages(rows: readonly (readonly string[])[], fit: number): readonly (readonly string[])[] {
  if (rows.length === 0) return rows
  const widest = (column: number) => Math.max(...rows.map(row => width(row[column]!)))
  const last = rows[0]!.length - 1
  const others = [...rows[0]!.keys()].filter(column => column !== 1 && column !== last).reduce((n, column) => n + widest(column) + 2, 0)
  if (others + widest(1) + 2 + widest(last) <= fit) return rows
  const names = Math.max(8, widest(0) - Math.max(0, others + Math.min(leastLast, widest(last)) - fit))
  return rows.map(([name, , ...more]) => [name!.length <= names ? name! : `${name!.slice(0, names - 1)}…`, ...more])
}
