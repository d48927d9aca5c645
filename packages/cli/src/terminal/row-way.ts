import type { FoundRow } from 'hone-engine'
import type { Palette } from './palette.js'

/** A row's whole way: for each place its stage, port and line, and below it what it was there. `width` is the terminal's, Infinity where there is none. */
export function rowWay(found: readonly FoundRow[], palette: Palette, width: number): string {
  const places: { stage: string; uses: string; where: string[]; text: string }[] = []
  for (const row of found) {
    const text = JSON.stringify(row.row)
    const where = `${row.port}${row.file === undefined ? '' : `/${row.file}`} line ${row.line}`
    const before = places.at(-1)
    // Train, validation and test repeat what stands among the examples.
    if (before?.stage === row.stage && before.text === text) before.where.push(where)
    else places.push({ stage: row.stage, uses: row.uses, where: [where], text })
  }
  return places
    .map(({ stage, uses, where, text }) => {
      const fields = fieldsOf(JSON.parse(text) as Record<string, unknown>)
      const names = Math.max(...fields.map(([name]) => name.length))
      const room = width - names - 4
      const lines = fields.map(([name, value]) => `  ${palette.dim(name.padEnd(names))}  ${value.length > room ? `${value.slice(0, Math.max(1, room - 1))}…` : value}`)
      return [`${palette.bold(stage)} ${palette.dim(`(${uses})`)} ${where.join(', ')}`, ...lines].join('\n')
    })
    .join('\n\n')
}

/** The columns of a row as lines, messages by who says them. */
function fieldsOf(row: Record<string, unknown>): [string, string][] {
  return Object.entries(row).flatMap(([name, value]): [string, string][] => {
    const isConversation = name === 'messages' && Array.isArray(value) && value.every(m => typeof (m as { role?: unknown })?.role === 'string')
    if (isConversation) return (value as { role: string; content: unknown }[]).map(({ role, content }) => [role, shown(content)])
    return [[name, shown(value)]]
  })
}

const shown = (value: unknown): string => (typeof value === 'string' ? value.replace(/\s+/g, ' ').trim() : JSON.stringify(value))
