// A shorter value would be cut out of ordinary words; it protects nothing either.
const shortest = 4

/** Base64 of a value wherever it stands in a longer text: at each of the three alignments, without the digits that neighbours share. */
function* base64Forms(value: string): Generator<string> {
  const bytes = Buffer.from(value)
  for (const [before, cut] of [[0, 0], [1, 2], [2, 3]] as const) {
    const shared = (before + bytes.length) % 3
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64').replace(/=+$/, '')
    const inner = text.slice(cut, shared === 0 ? undefined : -1)
    if (inner.length < shortest) continue
    yield inner
    yield inner.replaceAll('+', '-').replaceAll('/', '_')
  }
  yield bytes.toString('base64')
  yield bytes.toString('base64url')
}

function* forms(value: string): Generator<string> {
  yield value
  yield JSON.stringify(value).slice(1, -1)
  yield encodeURIComponent(value)
  yield encodeURIComponent(value).replaceAll('%20', '+')
  yield* base64Forms(value)
  const lines = value.split(/\r?\n/)
  if (lines.length > 1) for (const line of lines) yield line
}

/** Cuts the values of secrets, and their base64 and URL forms, out of texts and of every string in a value. */
export interface Redactor {
  text(text: string): string
  value<T>(value: T): T
}

export function redactor(secrets: Iterable<string>): Redactor {
  const cut = [...new Set([...secrets].flatMap(s => [...forms(s)]))].filter(f => f.length >= shortest).sort((a, b) => b.length - a.length)
  const text = (from: string) => cut.reduce((t, form) => (t.includes(form) ? t.replaceAll(form, '***') : t), from)
  const value = (from: unknown): unknown => {
    if (typeof from === 'string') return text(from)
    if (Array.isArray(from)) return from.map(value)
    if (typeof from === 'object' && from !== null) return Object.fromEntries(Object.entries(from).map(([k, v]) => [text(k), value(v)]))
    return from
  }
  return cut.length === 0 ? { text: t => t, value: v => v } : { text, value: v => value(v) as typeof v }
}
