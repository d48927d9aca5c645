import { extname } from 'node:path'
import { pipeline } from 'node:stream'
import { jsonFault, type ArtifactHandle, type StageContext } from 'hone-engine'
import { CsvError, parse } from 'csv-parse'
import type { Row } from '../kinds/kinds.js'
import { rowIds } from '../kinds/ids.js'
import { changedNumber } from './json-numbers.js'
import type { TableParams } from './table.js'
import { lines, textOf } from './utf8.js'

const byExtension: Record<string, NonNullable<TableParams['format']>> = { '.jsonl': 'jsonl', '.ndjson': 'jsonl', '.json': 'json', '.csv': 'csv', '.tsv': 'tsv', '.tab': 'tsv' }

export default async function run({ params, inputs, outputs, signal, progress, warn, fail }: StageContext<TableParams>): Promise<void> {
  const source = inputs.file as ArtifactHandle
  const name = source.reference ?? 'the input "file"'
  const format = params.format ?? byExtension[extname(source.reference ?? source.path).toLowerCase()] ?? byExtension[extname(source.path).toLowerCase()]
  if (!format) fail(`${name} is no jsonl, json, csv or tsv file by its extension`, 'path', 'Say what it is with "format".')
  const wrong: Wrong = (line, message, hint) => fail(`${name}${line === undefined ? '' : `:${line}`} ${message}`, 'path', hint)
  let isWarned = false
  /** A number that would become null ends the stage; of one that loses its last digits the first is told. */
  const look = (text: string, line?: number) => {
    const changed = changedNumber(text)
    if (changed && !Number.isFinite(changed.kept)) wrong(line, `holds the number ${changed.written}, which is too large for one`)
    if (changed && !isWarned) warn(`${name}${line === undefined ? '' : `:${line}`} holds the number ${changed.written}, of which ${changed.kept} is kept; in quotes it is a text and stays as it is`)
    isWarned ||= changed !== undefined
  }
  const text = textOf(source.path, (line, { message, hint }) => wrong(line, message, hint))
  const reader = format === 'jsonl' ? jsonl(text, wrong, look) : format === 'json' ? json(text, wrong, look) : csv(text, format === 'csv' ? ',' : '\t', wrong)
  const idOf = rowIds()
  const taken = new Set<string>()
  let count = 0
  for await (const { row, line } of reader) {
    signal.throwIfAborted()
    const own = typeof row.id === 'string' && row.id !== '' ? row.id : typeof row.id === 'number' ? String(row.id) : undefined
    if (own !== undefined && taken.has(own)) wrong(line, `the id ${JSON.stringify(own)} stands in an earlier row too`)
    if (own !== undefined) taken.add(own)
    await outputs.rows!.write({ ...row, id: own ?? idOf(row) })
    count++
    if (count % 5000 === 0) progress(count, params.limit, 'rows')
    if (count === params.limit) break
  }
  if (count === 0) wrong(undefined, 'holds no row')
  progress(count, count, 'rows')
}

type Wrong = (line: number | undefined, message: string, hint?: string) => never
type Look = (text: string, line?: number) => void
type Lines = AsyncGenerator<{ row: Row; line: number | undefined }>

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

async function* jsonl(text: AsyncIterable<string>, wrong: Wrong, look: Look): Lines {
  let number = 0
  for await (const line of lines(text)) {
    number++
    if (line.trim() === '') continue
    let row: unknown
    try {
      row = JSON.parse(line)
    } catch (e) {
      wrong(number, `is not JSON: ${jsonFault(e)}`)
    }
    if (!isObject(row)) wrong(number, 'must be a JSON object, one a line')
    look(line, number)
    yield { row: row as Row, line: number }
  }
}

async function* json(parts: AsyncIterable<string>, wrong: Wrong, look: Look): Lines {
  let text = ''
  for await (const part of parts) text += part
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (e) {
    const at = /position (\d+)/.exec((e as Error).message)
    wrong(at ? text.slice(0, Number(at[1])).split('\n').length : undefined, `is not JSON: ${(e as Error).message}`)
  }
  look(text)
  const list = Array.isArray(value) ? value : isObject(value) ? listIn(value) : undefined
  if (!list) return wrong(undefined, 'must hold a list of objects, or an object with one list in it')
  for (const [i, row] of list.entries()) {
    if (!isObject(row)) wrong(undefined, `item ${i} must be an object`)
    yield { row: row as Row, line: undefined }
  }
}

/** `{ "version": …, "data": […] }`: the only list of an object. */
function listIn(value: Row): unknown[] | undefined {
  const found = Object.values(value).filter(Array.isArray)
  return found.length === 1 ? (found[0] as unknown[]) : undefined
}

async function* csv(text: AsyncIterable<string>, delimiter: string, wrong: Wrong): Lines {
  const parser = pipeline(
    text,
    parse({ delimiter, info: true, skip_empty_lines: true, relax_column_count: true, record_delimiter: ['\r\n', '\n', '\r'], ...(delimiter === '\t' ? { relax_quotes: true } : {}) }),
    () => {},
  )
  let header: string[] | undefined
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (!header) {
        const twice = record.find((name, i) => record.indexOf(name) !== i)
        if (twice !== undefined) wrong(info.lines, `names the column ${JSON.stringify(twice)} twice`)
        header = record
        continue
      }
      if (record.length !== header.length) wrong(info.lines, `has ${record.length} fields where the header has ${header.length}`)
      yield { row: Object.fromEntries(header.map((name, i) => [name, record[i]])), line: info.lines }
    }
  } catch (e) {
    if (e instanceof CsvError) wrong(e.lines as number | undefined, e.message)
    throw e
  }
}
