import type { Json, JsonObject } from '../artifacts/types.js'
import type { Code } from '../diagnostics/codes.js'
import type { Collector } from '../diagnostics/collector.js'
import { didYouMean } from '../diagnostics/suggestion.js'
import type { YamlDocument } from './document.js'
import { typeName } from './expressions/functions.js'

export type Path = readonly (string | number)[]

/** Reads values of the file as the types that they must have; what is wrong is collected, and `undefined` comes back. */
export class Shape {
  readonly document: YamlDocument
  readonly collector: Collector

  constructor(document: YamlDocument, collector: Collector) {
    this.document = document
    this.collector = collector
  }

  error(code: Code, path: Path, message: string, hint?: string, which: 'key' | 'value' = 'value') {
    this.collector.error(code, this.document.rangeOf(path, which), message, { hint })
  }

  #wrong(path: Path, expected: string, value: Json, hint?: string): undefined {
    this.error('wrong-type', path, `${path.length ? `"${path.at(-1)}"` : 'The file'} must be ${expected}; got ${typeName(value)}.`, hint)
  }

  /** Nothing after the colon is an empty map. */
  map(value: Json | undefined, path: Path, expected = 'a map', hint?: string): JsonObject {
    if (value === undefined || value === null) return {}
    if (typeof value === 'object' && !Array.isArray(value)) return value as JsonObject
    this.#wrong(path, expected, value, hint)
    return {}
  }

  /** A map of known keys; `elsewhere` says where a key that is none of them may belong. */
  record(value: Json | undefined, path: Path, keys: readonly string[], elsewhere?: (key: string) => string | undefined): JsonObject {
    const map = this.map(value, path)
    for (const key of Object.keys(map)) {
      if (keys.includes(key)) continue
      const holder = path.length === 0 ? 'a pipeline file' : path.length === 2 && path[0] === 'stages' ? 'a stage' : `"${path.at(-1)}"`
      const near = didYouMean(key, keys)
      this.error('unknown-key', [...path, key], `"${key}" is not a key of ${holder}.`, (near?.startsWith('Did') ? near : undefined) ?? elsewhere?.(key) ?? near ?? `Known keys are ${keys.join(', ')}.`, 'key')
    }
    return map
  }

  list(value: Json | undefined, path: Path, expected = 'a list'): readonly Json[] {
    if (value === undefined || value === null) return []
    if (Array.isArray(value)) return value as readonly Json[]
    this.#wrong(path, expected, value, typeof value === 'object' ? undefined : `Write ${path.at(-1)}: [${JSON.stringify(value).replace(/^"([\w./@-]+)"$/, '$1')}].`)
    return []
  }

  string(value: Json | undefined, path: Path): string | undefined {
    if (value === undefined) return undefined
    if (typeof value === 'string' && value.trim() !== '') return value
    if (typeof value === 'string') this.error('wrong-type', path, `"${path.at(-1)}" must not be empty.`)
    else if (typeof value === 'number' || typeof value === 'boolean') this.error('wrong-type', path, `"${path.at(-1)}" must be a text; got ${value}.`, 'Put it in quotes.')
    else this.#wrong(path, 'a text', value)
    return undefined
  }

  boolean(value: Json | undefined, path: Path): boolean | undefined {
    if (value === undefined || typeof value === 'boolean') return value
    const meant = typeof value === 'string' && /^(yes|no|on|off)$/i.test(value) ? 'In YAML 1.2 only true and false are booleans.' : undefined
    this.error('wrong-type', path, `"${path.at(-1)}" must be true or false; got ${typeName(value)}.`, meant)
    return undefined
  }

  /** A whole number from `least` to what can be kept exactly. */
  integer(value: Json | undefined, path: Path, least: number): number | undefined {
    if (value === undefined) return undefined
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value
    this.error('wrong-type', path, `"${path.at(-1)}" must be a whole number ≥ ${least}; got ${typeof value === 'number' ? value : typeName(value)}.`)
    return undefined
  }
}
