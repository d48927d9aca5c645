import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { sha256 } from '../artifacts/digest.js'
import type { Json } from '../artifacts/types.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'
import { Collector } from '../diagnostics/collector.js'
import { readYaml, type YamlDocument } from './document.js'
import { TextPositions } from './text-positions.js'

/** Raised when a text is read as other values than before. */
const reading = 1

/** A text whose aliases stand for much more than it is would take longer to read back than to parse. */
const mostGrowth = 8

/**
 * `readYaml` of a text that was read before without a mistake: its values come from `file`, and the text is parsed only if somebody asks for a place in
 * it. The values are known by the digest of the text, and by one of their own, so that a damaged file is one that is not there. A file that cannot
 * be written costs only time; nothing is written where the store is not there yet.
 */
export function readRemembered(name: string, text: string, collector: Collector, file: string | undefined): YamlDocument | undefined {
  if (file === undefined) return readYaml(name, text, collector)
  const known = recall(file, text)
  if (known !== undefined) return unparsed(name, text, known)
  const document = readYaml(name, text, collector)
  if (document && collector.diagnostics.length === 0) remember(file, text, document.value)
  return document
}

function recall(file: string, text: string): Json | undefined {
  let kept: string
  try {
    kept = readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
  const end = kept.indexOf('\n')
  const values = kept.slice(end + 1)
  return kept.slice(0, end) === title(text, values) ? (JSON.parse(values) as Json) : undefined
}

function remember(file: string, text: string, value: Json): void {
  const values = JSON.stringify(value)
  if (values.length > mostGrowth * text.length + 1000) return
  const fresh = `${file}.${process.pid}`
  try {
    mkdirSync(dirname(file))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return
  }
  try {
    writeFileSync(fresh, `${title(text, values)}\n${values}`)
    renameSync(fresh, file)
  } catch {
    // The next reading parses again.
  }
}

const title = (text: string, values: string): string => `${reading} ${sha256(text)} ${sha256(values)}`

function unparsed(name: string, text: string, value: Json): YamlDocument {
  let parsed: YamlDocument | undefined
  const document = (): YamlDocument => {
    parsed ??= readYaml(name, text, new Collector())
    if (!parsed) throw new Error('Internal: a text that was YAML is none')
    return parsed
  }
  return {
    value,
    positions: new TextPositions(name, text),
    rangeOf: (path, which) => new LaterRange(() => document().rangeOf(path, which)),
    has: path => leads(value, path),
    rangeIn: (path, start, length) => new LaterRange(() => document().rangeIn(path, start, length)),
  }
}

function leads(value: Json, path: readonly (string | number)[]): boolean {
  let at: Json | undefined = value
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return false
    at = (at as { readonly [key: string]: Json })[part]
  }
  return true
}

/** A place that is looked for when it is asked for. */
class LaterRange implements SourceRange {
  #find: (() => SourceRange) | undefined
  #found: SourceRange | undefined

  constructor(find: () => SourceRange) {
    this.#find = find
  }

  get #range(): SourceRange {
    this.#found ??= this.#find!()
    this.#find = undefined
    return this.#found
  }

  get file() {
    return this.#range.file
  }

  get offset() {
    return this.#range.offset
  }

  get length() {
    return this.#range.length
  }

  get line() {
    return this.#range.line
  }

  get column() {
    return this.#range.column
  }

  toJSON(): SourceRange {
    return this.#range
  }
}
