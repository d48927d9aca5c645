import { createHash } from 'node:crypto'

/** JSON with the keys of every object sorted and `undefined` left out: the same for equal content, whatever order it was written in. */
export function canonical(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  const entries = Object.entries(value).filter(([, v]) => v !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${entries.map(([key, v]) => `${JSON.stringify(key)}:${canonical(v)}`).join(',')}}`
}

/** The id of a row: 16 hex digits of SHA-256 over its canonical content, `id` itself aside. */
export function rowId(content: Readonly<Record<string, unknown>>): string {
  const { id: _, ...rest } = content
  return createHash('sha256').update(canonical(rest)).digest('hex').slice(0, 16)
}

/** Gives each row its id; the n-th row of equal content after the first gets `#n` (`#2` is the second). */
export function rowIds(): (content: Readonly<Record<string, unknown>>) => string {
  const seen = new Map<string, number>()
  return content => {
    const id = rowId(content)
    const n = (seen.get(id) ?? 0) + 1
    seen.set(id, n)
    return n === 1 ? id : `${id}#${n}`
  }
}
