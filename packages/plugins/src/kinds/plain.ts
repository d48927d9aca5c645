// The kinds that nothing else need be loaded for: a stage that uses these alone does not rest on the code that reads models.
import { defineKind } from 'hone-engine'

export type Row = Record<string, unknown>
export interface Document { id: string; title: string; text: string; source: string }
export interface Message { role: 'system' | 'user' | 'assistant' | 'tool'; content: string; weight?: 0 | 1 }
export interface Example { id: string; messages: Message[]; task?: string; source?: string; tools?: unknown }
export interface Prediction { id: string; prompt?: string; prediction?: string; reference?: string; task?: string; [column: string]: unknown }

const isObject = (row: unknown): row is Row => typeof row === 'object' && row !== null && !Array.isArray(row)
const object = (row: unknown) => (isObject(row) ? undefined : 'a row must be a JSON object')
const withStrings = (...names: string[]) => (row: unknown) => {
  if (!isObject(row)) return 'a row must be a JSON object'
  for (const name of names) if (typeof row[name] !== 'string') return `"${name}" must be a string`
  return undefined
}
const example = (row: unknown) => {
  const wrong = withStrings('id')(row)
  if (wrong) return wrong
  const { messages } = row as Row
  if (!Array.isArray(messages) || messages.length === 0) return '"messages" must be a list of at least one message'
  for (const m of messages) if (!isObject(m) || typeof m.role !== 'string' || typeof m.content !== 'string') return 'each message must have "role" and "content"'
  return undefined
}

export const rows = defineKind<Row>({ id: 'rows', summary: 'JSONL, any columns.', form: 'file', extension: 'jsonl', rows: { check: object }, accepts: ['documents', 'examples', 'predictions', 'scores', 'preferences', 'log-probabilities'] })
export const documents = defineKind<Document>({ id: 'documents', summary: 'JSONL: id, title, text, source.', form: 'file', extension: 'jsonl', rows: { check: withStrings('id', 'text') } })
export const examples = defineKind<Example>({ id: 'examples', summary: 'JSONL: id, messages (role, content, weight), task, source.', form: 'file', extension: 'jsonl', rows: { check: example } })
export const predictions = defineKind<Prediction>({ id: 'predictions', summary: 'JSONL, one row an example, in its order.', form: 'file', extension: 'jsonl', rows: { check: withStrings('id') } })
export const scores = defineKind<Row>({ id: 'scores', summary: 'JSONL: the metrics of each row.', form: 'file', extension: 'jsonl', rows: { check: withStrings('id') } })
export const preferences = defineKind<Row>({ id: 'preferences', summary: 'JSONL: id, prompt, chosen, rejected.', form: 'file', extension: 'jsonl', rows: { check: withStrings('id') } })
export const metrics = defineKind({ id: 'metrics', summary: 'One flat JSON object of numbers.', form: 'file', extension: 'json' })
export const report = defineKind({ id: 'report', summary: 'A self-contained HTML page.', form: 'file', extension: 'html' })
export const file = defineKind({ id: 'file', summary: 'Any file.', form: 'file' })
export const folder = defineKind({ id: 'folder', summary: 'Any folder.', form: 'folder' })
export const any = defineKind({ id: 'any', summary: 'Whatever is given; only for inputs.', form: 'file', accepts: ['*'] })
export const tokens = defineKind({ id: 'tokens', summary: 'Tokenized rows: a safetensors file a split, rows.jsonl, tokens.json and the tokenizer.', form: 'folder' })
