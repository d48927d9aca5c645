import type { Json } from '../../artifacts/types.js'
import { jsonFault } from '../../diagnostics/json-fault.js'

/** A function's complaint about what it was given; the evaluator adds the place. */
export class FunctionError extends Error {}

export interface ExpressionFunction {
  readonly arity: readonly [least: number, most: number]
  readonly call: (...values: Json[]) => Json
}

/** The functions of the expression language. Each throws a FunctionError where a value is of the wrong type. */
export const functions: Readonly<Record<string, ExpressionFunction>> = {
  contains: {
    arity: [2, 2],
    call: (where, what) => {
      if (typeof where === 'string') return where.includes(text(what, 'contains'))
      if (Array.isArray(where)) return where.some(item => equal(item, what!))
      throw new FunctionError(`contains looks into a text or a list, not into ${typeName(where)}.`)
    },
  },
  startsWith: { arity: [2, 2], call: (a, b) => text(a, 'startsWith').startsWith(text(b, 'startsWith')) },
  endsWith: { arity: [2, 2], call: (a, b) => text(a, 'endsWith').endsWith(text(b, 'endsWith')) },
  format: {
    arity: [1, Infinity],
    call: (pattern, ...values) =>
      text(pattern, 'format').replace(/\{\{|\}\}|\{(\d+)\}|[{}]/g, (match, index?: string) => {
        if (match === '{{' || match === '}}') return match[0]!
        if (index === undefined) throw new FunctionError(`format: a lone "${match}" must be written twice.`)
        const value = values[Number(index)]
        if (value === undefined) throw new FunctionError(`format: there is no value {${index}}; ${values.length} given.`)
        return toText(value)
      }),
  },
  join: {
    arity: [1, 2],
    call: (list, separator = ',') => {
      if (!Array.isArray(list)) throw new FunctionError(`join takes a list, not ${typeName(list)}.`)
      return list.map(toText).join(text(separator, 'join'))
    },
  },
  toJSON: { arity: [1, 1], call: value => JSON.stringify(value) },
  fromJSON: {
    arity: [1, 1],
    call: value => {
      try {
        return JSON.parse(text(value, 'fromJSON')) as Json
      } catch (error) {
        if (error instanceof FunctionError) throw error
        throw new FunctionError(`fromJSON: ${jsonFault(error)}.`)
      }
    },
  },
  length: {
    arity: [1, 1],
    call: value => {
      if (typeof value === 'string') return [...value].length
      if (Array.isArray(value)) return value.length
      if (typeof value === 'object' && value !== null) return Object.keys(value).length
      throw new FunctionError(`length takes a text, a list or a map, not ${typeName(value)}.`)
    },
  },
}

export const isFunctionName = (name: string): name is keyof typeof functions & string => Object.hasOwn(functions, name)

function text(value: Json | undefined, name: string): string {
  if (typeof value === 'string') return value
  throw new FunctionError(`${name} takes texts, not ${typeName(value)}.`)
}

/** What stands in a string where an expression stood. Lists and maps have no text of their own. */
export function toText(value: Json): string {
  if (value === null) return ''
  if (typeof value === 'object') throw new FunctionError(`${capital(typeName(value))} cannot stand inside of a text; write toJSON(…) or join(…).`)
  return String(value)
}

export const capital = (text: string) => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`

/** As people call it: "a list", "the number 3". */
export function typeName(value: Json | undefined): string {
  if (value === undefined || value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  switch (typeof value) {
    case 'string':
      return 'a text'
    case 'number':
      return 'a number'
    case 'boolean':
      return 'true or false'
    default:
      return 'a map'
  }
}

/** Strict: nothing is converted, lists and maps are compared by content. */
export function equal(a: Json, b: Json): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]!))
  }
  const [left, right] = [a as Record<string, Json>, b as Record<string, Json>]
  const keys = Object.keys(left)
  return keys.length === Object.keys(right).length && keys.every(key => Object.hasOwn(right, key) && equal(left[key]!, right[key]!))
}
