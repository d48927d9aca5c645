import type { Document, Node, Pair, Scalar, YAMLMap } from 'yaml'
import type { Json, JsonObject } from '../artifacts/types.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'
import type { Collector } from '../diagnostics/collector.js'
import { TextPositions, sourceIndex } from './text-positions.js'
import type { RangeOf } from './pipeline.js'
import { isAlias, isMap, isPair, isScalar, isSeq, loadYaml } from './yaml.js'

type Path = readonly (string | number)[]

/** A YAML text as plain JSON, with the place of each part. */
export interface YamlDocument {
  readonly value: Json
  readonly positions: TextPositions
  /** Of the nearest part that is there, where the path leads nowhere. */
  readonly rangeOf: RangeOf
  readonly has: (path: Path) => boolean
  /** Of `length` characters of a string's value, from `start` on. */
  readonly rangeIn: (path: Path, start: number, length: number) => SourceRange
}

/** A pipeline has stages → stage → with → a parameter's own structure: this leaves 50 levels to the last. */
const deepest = 64
/** Aliases may make the text stand for this many values at most. */
const mostValues = 1_000_000
const mostSyntaxErrors = 20

/** Reads one YAML 1.2 document. Undefined, with errors in `collector`, where the text is not YAML; other mistakes leave a value. */
export function readYaml(file: string, text: string, collector: Collector): YamlDocument | undefined {
  const positions = new TextPositions(file, text)
  const document = compose(positions, collector)
  if (!document) return undefined
  const reader = new Reader(document, positions, collector)
  const value = reader.read()
  if (reader.hasExploded) return undefined
  const root = document.contents as Node | null
  const find = finder(root)
  return {
    value,
    positions,
    rangeOf: (path, which = 'value') => {
      const { node, key } = find(path)
      const target = (which === 'key' && key) || node || key || root
      return nodeRange(target, positions)
    },
    has: path => find(path).depth === path.length,
    rangeIn: (path, start, length) => {
      const { node, depth } = find(path)
      if (depth !== path.length || !isScalar(node) || typeof node.value !== 'string' || !node.range) return nodeRange(node, positions)
      const [from, to] = node.range
      const source = positions.text.slice(from, to)
      const style = node.type === 'QUOTE_DOUBLE' ? 'double' : node.type === 'QUOTE_SINGLE' ? 'single' : node.type === 'PLAIN' ? 'plain' : 'block'
      const first = sourceIndex(source, node.value, style, start)
      const last = sourceIndex(source, node.value, style, start + Math.max(1, length) - 1)
      return positions.range(from + first, last - first + 1)
    },
  }
}

/** Lexes, parses and composes in one pass, so that a text which only nests is refused after its first levels. */
function compose(positions: TextPositions, collector: Collector): Document.Parsed | undefined {
  const { Composer, Lexer, Parser } = loadYaml()
  const parser = new Parser()
  const composer = new Composer({ version: '1.2', schema: 'core', merge: false, uniqueKeys: false, resolveKnownTags: false, prettyErrors: false, logLevel: 'silent' })
  const documents: Document.Parsed[] = []
  let offset = 0
  const text = positions.text
  const take = (tokens: Iterable<import('yaml').CST.Token>) => {
    for (const token of tokens) for (const document of composer.next(token)) documents.push(document as Document.Parsed)
  }
  for (const lexeme of new Lexer().lex(text)) {
    take(parser.next(lexeme))
    // Lexemes that are marks of the lexer, such as the byte order mark, take no part in the depth.
    offset = parser.offset
    if (parser.stack.length > deepest) {
      collector.error('yaml-nesting', positions.range(offset, 1), `The text nests more than ${deepest} levels deep.`, { hint: 'Flatten it, or name a file with a parameter.' })
      return undefined
    }
  }
  take(parser.end())
  for (const document of composer.end(true, text.length)) documents.push(document as Document.Parsed)
  const document = documents[0]!
  const before = collector.errors
  // What follows the first mistake of a line is mostly its echo.
  const lines = new Set<number>()
  const errors = documents.flatMap(d => d.errors)
  // Of one place the second says what it is: a value that goes on with a key.
  const isEcho = (e: (typeof errors)[number]) => e.code === 'MULTILINE_IMPLICIT_KEY' && errors.some(other => other.code === 'BLOCK_AS_IMPLICIT_KEY' && other.pos[0] === e.pos[0])
  for (const { pos, message, code } of errors.filter(e => !isEcho(e)).sort((a, b) => a.pos[0] - b.pos[0])) {
    const [from, to] = code === 'BLOCK_AS_IMPLICIT_KEY' ? deeperKey(text, pos[0]) ?? pos : pos
    const range = positions.range(from, Math.max(1, Math.min(to - from, lineRest(text, from))))
    if (lines.has(range.line) || lines.size === mostSyntaxErrors) continue
    lines.add(range.line)
    const line = text.slice(range.offset - range.column + 1, range.offset + lineRest(text, range.offset))
    const { text: said, hint } = syntaxMessage(code, message, text.slice(range.offset, range.offset + range.length), line)
    const quote = code === 'MISSING_CHAR' ? openQuote(documents, pos[0]) : undefined
    const opened = quote === undefined ? undefined : positions.range(quote, 1)
    collector.error('yaml-syntax', range, said, { hint, related: opened && opened.line !== range.line ? [{ message: 'It opens here.', range: opened }] : [] })
  }
  for (const { pos, message, code } of documents.flatMap(d => d.warnings)) {
    if (code !== 'TAG_RESOLVE_FAILED') continue
    collector.error('yaml-tag', positions.range(pos[0], pos[1] - pos[0]), `Tags have no meaning here: ${message.replace('Unresolved tag: ', '').replace('tag:yaml.org,2002:', '!!')}.`, { hint: 'Remove the tag; `${{ env.NAME }}` reads the environment.' })
  }
  const version = document.directives?.yaml
  if (version?.explicit && version.version !== '1.2') {
    collector.error('yaml-syntax', positions.range(Math.max(0, text.indexOf('%YAML')), 9), `Pipeline files are YAML 1.2, not ${version.version}.`, { hint: 'Remove the %YAML line.' })
  }
  const second = documents[1]
  if (second) {
    const at = second.range?.[0] ?? text.length
    collector.error('yaml-syntax', positions.range(Math.max(0, text.lastIndexOf('---', at)), 3), 'A pipeline file holds one YAML document; here a second begins.', { hint: 'Keep one file a pipeline.' })
  }
  return collector.errors > before && documents.some(d => d.errors.length > 0) ? undefined : document
}

/** Where the quoted text begins that goes on to `end` and is not closed. */
function openQuote(documents: readonly Document.Parsed[], end: number): number | undefined {
  const { visit } = loadYaml()
  let found: number | undefined
  for (const document of documents) {
    visit(document, {
      Scalar: (_, { type, range }) => {
        if (type?.startsWith('QUOTE') && range?.[1] === end) found = range[0]
      },
    })
  }
  return found
}

/** A key that is indented deeper than the value above it belongs to that value, as its text goes on. */
function deeperKey(text: string, value: number): readonly [number, number] | undefined {
  const [, first = '', before = '', key] = /^([^\n]*)\n((?:[ ]*\n)*[ ]+)([\w-]+)[ ]*:(?:\s|$)/.exec(text.slice(value)) ?? []
  const from = value + first.length + 1 + before.length
  return key === undefined || /:\s/.test(first) ? undefined : [from, from + key.length]
}

const lineRest = (text: string, at: number) => {
  const end = text.indexOf('\n', at)
  return (end < 0 ? text.length : end) - at
}

function syntaxMessage(code: string, message: string, found: string, line: string): { text: string; hint?: string } {
  const unexpected = { text: `"${found.split('\n')[0]}" is not expected here.` }
  // In a flow map the braces of an expression are more maps.
  if (/[{[,]\s*[^'"]*\$\{\{/.test(line.slice(0, line.indexOf('${{') + 3)) && /Unexpected|Flow|Missing|must be/.test(message)) {
    return { ...unexpected, hint: 'Inside of { } and [ ] an expression must be quoted: "${{ … }}".' }
  }
  switch (code) {
    case 'TAB_AS_INDENT':
      return { text: 'Tabs do not indent in YAML.', hint: 'Use spaces.' }
    case 'BLOCK_AS_IMPLICIT_KEY':
      if (/^[\w-]+$/.test(found) && line.trimStart().startsWith(found)) return { text: `"${found}" is indented deeper than the key above it, which has a value already.`, hint: 'Indent it like that key.' }
      return { text: 'A value that holds ": " must be quoted, or begin on the next line.', hint: 'Put quotes around the value.' }
    case 'BAD_SCALAR_START':
      return { text: `${message}.`, hint: 'Put quotes around the value.' }
    case 'BAD_INDENT':
      if (/^Flow \w+ in block collection/.test(message)) return { text: `A "${message.at(-1) === '}' ? '{' : '['}" before this is not closed.`, hint: `Close it with ${message.at(-1)}, or indent what belongs to it.` }
      return message.startsWith('Flow') ? { text: `${message}.` } : { text: `${message}.`, hint: 'Indent it like its neighbours.' }
    case 'UNEXPECTED_TOKEN':
      return message.startsWith('Unexpected') && /token|at node end/.test(message) ? unexpected : { text: sentence(message) }
    case 'MISSING_CHAR':
      if (message.startsWith('Implicit map keys')) return { text: 'A ":" is missing after this key.' }
      return { text: sentence(message.replace(/closing (['"])quote/, 'closing quote $1')) }
    default:
      return { text: sentence(message) }
  }
}

const sentence = (message: string) => (/[.!]$/.test(message) ? message : `${message}.`)

function nodeRange(node: unknown, positions: TextPositions): SourceRange {
  const range = (node as Node | null | undefined)?.range
  if (!range) return positions.range(0, Math.max(1, lineRest(positions.text, 0)))
  const [from, to] = range
  // Collections and block scalars run over lines: their first says enough.
  return positions.range(from, Math.max(1, Math.min(to - from, lineRest(positions.text, from))))
}

/** Walks from the root along a path, through aliases, as far as it leads. */
function finder(root: Node | null) {
  const anchors = new Map<string, Node>()
  const indexes = new WeakMap<YAMLMap, Map<string, Pair>>()
  collectAnchors(root, anchors)
  const follow = (node: unknown): unknown => {
    let at = node
    for (let hops = 0; isAlias(at) && hops < deepest; hops++) at = anchors.get(at.source)
    return at
  }
  const indexOf = (map: YAMLMap) => {
    let index = indexes.get(map)
    if (!index) {
      index = new Map()
      for (const pair of map.items) {
        const name = keyName(pair.key)
        if (name !== undefined && !index.has(name)) index.set(name, pair as Pair)
      }
      indexes.set(map, index)
    }
    return index
  }
  return (path: Path): { node: Node | undefined; key: Node | undefined; depth: number } => {
    let node: unknown = root
    let key: unknown
    let depth = 0
    for (const part of path) {
      const holder = follow(node)
      if (isMap(holder)) {
        const pair = indexOf(holder).get(String(part))
        if (!pair) break
        ;[node, key] = [pair.value ?? pair.key, pair.key]
      } else if (isSeq(holder) && holder.items[Number(part)] !== undefined) {
        ;[node, key] = [holder.items[Number(part)], undefined]
      } else break
      depth++
    }
    return { node: (isAlias(node) ? node : (node as Node)) ?? undefined, key: key as Node | undefined, depth }
  }
}

function collectAnchors(node: unknown, anchors: Map<string, Node>): void {
  if (isPair(node)) {
    collectAnchors(node.key, anchors)
    collectAnchors(node.value, anchors)
  } else if (isMap(node) || isSeq(node) || isScalar(node)) {
    if (node.anchor) anchors.set(node.anchor, node as Node)
    if (!isScalar(node)) for (const item of node.items) collectAnchors(item, anchors)
  }
}

/** A key as it is written; undefined for a list, a map, an alias or nothing. */
function keyName(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined
  return typeof key.value === 'string' ? key.value : (key.source || undefined)
}

/** Makes JSON of the nodes, and finds what YAML allows and a pipeline does not. */
class Reader {
  readonly #root: Node | null
  readonly #positions: TextPositions
  readonly #collector: Collector
  /** What each anchor stands for so far, and how many values that is. Undefined while it is being read. */
  readonly #anchors = new Map<string, { value: Json; size: number } | undefined>()
  #exploded = false

  constructor(document: Document.Parsed, positions: TextPositions, collector: Collector) {
    this.#root = document.contents as Node | null
    this.#positions = positions
    this.#collector = collector
  }

  get hasExploded(): boolean {
    return this.#exploded
  }

  read(): Json {
    return this.#read(this.#root).value
  }

  #read(node: unknown): { value: Json; size: number } {
    if (isAlias(node)) return this.#alias(node)
    const anchor = (isMap(node) || isSeq(node) || isScalar(node)) && node.anchor
    if (anchor) this.#anchors.set(anchor, undefined)
    const read = isMap(node) ? this.#map(node) : isSeq(node) ? this.#list(node.items) : { value: isScalar(node) ? this.#scalar(node) : null, size: 1 }
    if (anchor) this.#anchors.set(anchor, read)
    return read
  }

  #alias(alias: Node & { source: string }) {
    const named = this.#anchors.get(alias.source)
    const range = nodeRange(alias, this.#positions)
    if (named && !this.#exploded) {
      if (named.size <= mostValues) return named
      this.#exploded = true
      this.#collector.error('yaml-alias', range, `With its aliases the text stands for more than ${mostValues.toLocaleString('en')} values.`, { hint: 'Aliases that hold aliases multiply; write out what is meant.' })
    } else if (!named) {
      const inside = this.#anchors.has(alias.source)
      this.#collector.error('yaml-alias', range, inside ? `"${alias.source}" holds itself.` : `No anchor "&${alias.source}" stands before this alias.`, inside ? {} : { hint: 'A value that begins with * must be quoted.' })
    }
    return { value: null, size: 1 }
  }

  #list(items: readonly unknown[]) {
    const value: Json[] = []
    let size = 1
    for (const item of items) {
      const read = this.#read(item)
      value.push(read.value)
      size += read.size
    }
    return { value, size }
  }

  #map(map: YAMLMap) {
    const value: Record<string, Json> = {}
    const first = new Map<string, Node>()
    let size = 1
    for (const pair of map.items) {
      const key = pair.key as Node
      const range = nodeRange(key, this.#positions)
      const read = this.#read(pair.value)
      size += read.size
      const name = keyName(key)
      if (name === undefined) {
        const braces = /^\{\{[^{}\n]*\}\}/.exec(this.#positions.text.slice(range.offset - 1))?.[0]
        if (braces) this.#collector.error('yaml-key', this.#positions.range(range.offset - 1, braces.length), `Without quotes ${braces} is a map in a map.`, { hint: `Write "${braces}".` })
        else this.#collector.error('yaml-key', range, 'A key must be a plain string.', { hint: 'Quote it, or write it on one line.' })
      } else if (name === '<<' && (key as Scalar).type === 'PLAIN') {
        this.#collector.error('yaml-merge-key', range, 'The merge key << is not part of YAML 1.2.', { hint: 'Use `defaults:` for what all stages share, or an alias for a whole value.' })
        // Read as it was meant, so that what it brings is not missed as well.
        if (typeof read.value === 'object' && read.value !== null && !Array.isArray(read.value)) for (const [key, item] of Object.entries(read.value)) value[key] ??= item
      } else if (first.has(name)) {
        this.#collector.error('duplicate-key', range, `"${name}" stands twice in this mapping.`, { hint: 'Remove one of the two.', related: [{ message: 'the first is here', range: nodeRange(first.get(name), this.#positions) }] })
      } else {
        first.set(name, key)
        // A key such as __proto__ is a key like any other.
        Object.defineProperty(value, name, { value: read.value, enumerable: true, writable: true, configurable: true })
      }
    }
    return { value: value as JsonObject, size }
  }

  #scalar(scalar: Scalar): Json {
    const value = scalar.value
    if (typeof value !== 'number') return typeof value === 'string' || typeof value === 'boolean' ? value : null
    const written = scalar.source ?? String(value)
    const complain = (message: string, hint: string) => this.#collector.error('yaml-number', nodeRange(scalar, this.#positions), message, { hint })
    if (!Number.isFinite(value)) complain(`${written} is not a number that a parameter can have.`, 'Write a finite number, or quote it if text is meant.')
    else if (Number.isInteger(value) && !Number.isSafeInteger(value) && !/[.e]/i.test(written)) complain(`${written} is too large to be kept exactly.`, 'Whole numbers go up to 9007199254740991; quote it if text is meant.')
    // JSON, which a text may be remembered as, knows one zero.
    else return value === 0 ? 0 : value
    return 0
  }
}
