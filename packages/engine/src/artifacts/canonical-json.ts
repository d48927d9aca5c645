import type { Json } from './types.js'

/** JSON with sorted keys and no spaces: equal values give equal text. Throws on what JSON cannot hold (NaN, infinities, functions). */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') return numberText(value)
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object') {
    const parts: string[] = []
    for (const key of Object.keys(value).sort()) {
      const member = value[key]
      if (member !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(member)}`)
    }
    return `{${parts.join(',')}}`
  }
  throw new Error(`Internal: a ${typeof value} cannot be canonical JSON`)
}

/**
 * A typed, length-delimited text of a value, for hashing: no two values share one, whatever is in their strings.
 * `s5:hello`, `n2:16`, `t`, `f`, `z` (null), `a2:…` (items), `o2:…` (key, value, sorted by key). Lengths count UTF-8 bytes.
 */
export function encodeTyped(value: Json): string {
  if (value === null) return 'z'
  if (typeof value === 'string') return text('s', value)
  if (typeof value === 'number') return text('n', numberText(value))
  if (typeof value === 'boolean') return value ? 't' : 'f'
  if (isList(value)) {
    let out = `a${value.length}:`
    for (const item of value) out += encodeTyped(item)
    return out
  }
  const keys = Object.keys(value).filter(k => value[k] !== undefined).sort()
  let out = `o${keys.length}:`
  for (const key of keys) out += text('s', key) + encodeTyped(value[key] as Json)
  return out
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)

// A lone surrogate has no UTF-8; escaped under a tag of its own it cannot meet another string.
const loneSurrogate = /\p{Surrogate}/u
const text = (tag: string, value: string): string =>
  loneSurrogate.test(value) ? text('u', JSON.stringify(value)) : `${tag}${Buffer.byteLength(value)}:${value}`

function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`Internal: ${value} cannot be canonical JSON`)
  return Object.is(value, -0) ? '0' : String(value)
}
