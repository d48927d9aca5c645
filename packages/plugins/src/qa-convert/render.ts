import type { StageProblem } from 'hone-engine'
import type { Row } from '../kinds/kinds.js'

const hole = /\{\{\s*([^{}]+?)\s*\}\}/g

/** The columns that a template names, in order, each once. */
export const columnsOf = (template: string): string[] => [...new Set([...template.matchAll(hole)].map(m => m[1]!))]

/** What of a template's braces makes no hole, at the parameter that holds it: each row would show it as it stands. */
export function templateProblems(template: string, param: string): readonly StageProblem[] {
  const hint = 'A column is written {{column}}.'
  const empty = /\{\{\s*\}\}/.exec(template)
  if (empty) return [{ message: `"${param}" has ${empty[0]}, which names no column`, param, hint }]
  // A hole leaves a space, so that what stands around it makes no braces of its own.
  const open = /\{\{.*/.exec(template.replace(hole, ' '))?.[0].trimEnd()
  return open !== undefined ? [{ message: `"${param}" has ${open.length <= 40 ? open : `${open.slice(0, 39)}…`}, which is not closed as a column is`, param, hint }] : []
}

/** A column's value: by its whole name, else as a path through objects and lists (`answers.text.0`). */
export function valueOf(row: Row, column: string): unknown {
  if (Object.hasOwn(row, column)) return row[column]
  let value: unknown = row
  for (const part of column.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Row)[part]
  }
  return value
}

/** Text of a value: strings as they are, objects and lists as JSON, nothing for null. */
export const textOf = (value: unknown): string =>
  value === undefined || value === null ? '' : typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value)

/** Fills the holes. A value that looks like a hole is not filled again. */
export const render = (template: string, row: Row): string => template.replace(hole, (_, column: string) => textOf(valueOf(row, column)))
