import type { Json } from '../artifacts/types.js'
import { evaluateTemplate, type Scope } from '../source/expressions/evaluate.js'
import { parseTemplate } from '../source/expressions/parse.js'
import { templateReferences, type Reference } from '../source/expressions/references.js'
import { residue } from '../source/expressions/residue.js'
import { ExpressionError, type Template } from '../source/expressions/syntax.js'
import type { Labels } from './matrix.js'
import { escapePart } from './schema-errors.js'

type Compiled =
  | { readonly type: 'static'; readonly value: Json }
  | { readonly type: 'template'; readonly template: Template }
  /** Cannot be read; that has been said where it was parsed first. */
  | { readonly type: 'broken'; readonly text: string }
  | { readonly type: 'list'; readonly items: readonly Compiled[] }
  | { readonly type: 'map'; readonly entries: readonly (readonly [string, Compiled])[] }

export interface Evaluated {
  readonly value: Json
  /** Pointers (with a leading slash) of strings that wait for a digest or a secret. */
  readonly deferred: readonly string[]
  /** Pointers where an expression could not be computed. */
  readonly failed: readonly string[]
}

/** A part of the YAML whose strings may hold expressions, parsed once and computed for each node. */
export class Values {
  readonly #root: Compiled
  readonly templates: readonly { readonly pointer: readonly string[]; readonly template: Template }[]
  readonly references: readonly Reference[]
  /** The axes that it reads; 'all' where it reads `matrix` as a whole. */
  readonly axes: ReadonlySet<string> | 'all'

  constructor(value: Json) {
    const templates: { pointer: readonly string[]; template: Template }[] = []
    this.#root = compile(value, [], templates)
    this.templates = templates
    this.references = templates.flatMap(({ template }) => templateReferences(template))
    this.axes = axesOf(this.references)
  }

  /** A fresh value: what is deferred stays as an expression in which all else is computed. */
  evaluate(scope: Scope, complain: (pointer: string, error: ExpressionError) => void): Evaluated {
    const deferred: string[] = []
    const failed: string[] = []
    const visit = (at: Compiled, pointer: string): Json => {
      switch (at.type) {
        case 'static':
          return clone(at.value)
        case 'list':
          return at.items.map((item, i) => visit(item, `${pointer}/${i}`))
        case 'map':
          return Object.fromEntries(at.entries.map(([key, item]) => [key, visit(item, `${pointer}/${escapePart(key)}`)]))
        case 'broken':
          failed.push(pointer)
          return at.text
        case 'template':
          try {
            const left = residue(at.template, scope)
            if (left.deferred) deferred.push(pointer)
            return clone(left.value)
          } catch (error) {
            if (!(error instanceof ExpressionError)) throw error
            complain(pointer, error)
            failed.push(pointer)
            return at.template.text
          }
        default:
          throw new Error(`Internal: ${(at satisfies never as Compiled).type}`)
      }
    }
    const value = visit(this.#root, '')
    return { value, deferred, failed }
  }
}

function compile(value: Json, pointer: readonly string[], templates: { pointer: readonly string[]; template: Template }[]): Compiled {
  if (typeof value === 'string' && value.includes('${{')) {
    const template = readable(value, parseTemplate)
    if (!template) {
      return { type: 'broken', text: value }
    }
    templates.push({ pointer, template })
    return { type: 'template', template }
  }
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item, i) => compile(item, [...pointer, String(i)], templates))
    return items.every(item => item.type === 'static') ? { type: 'static', value } : { type: 'list', items }
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => [key, compile(item, [...pointer, key], templates)] as const)
    return entries.every(([, item]) => item.type === 'static') ? { type: 'static', value } : { type: 'map', entries }
  }
  return { type: 'static', value }
}

/** A template whose references make sense; undefined where it, or one of them, cannot be read. */
export function readable(text: string, parse: (text: string) => Template): Template | undefined {
  try {
    const template = parse(text)
    templateReferences(template)
    return template
  } catch (error) {
    if (error instanceof ExpressionError) return undefined
    throw error
  }
}

function clone(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(clone)
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clone(item)]))
  return value
}

/** The axes that references read. */
export function axesOf(references: readonly Reference[]): ReadonlySet<string> | 'all' {
  const axes = new Set<string>()
  for (const reference of references) {
    if (reference.type !== 'matrix') continue
    if (reference.name === undefined) return 'all'
    axes.add(reference.name)
  }
  return axes
}

export const unionOfAxes = (...all: readonly (ReadonlySet<string> | 'all')[]): ReadonlySet<string> | 'all' =>
  all.includes('all') ? 'all' : new Set((all as readonly ReadonlySet<string>[]).flatMap(axes => [...axes]))

/** Computes once for all nodes that have the same values of the axes that matter. */
export function byAxes<T>(axes: ReadonlySet<string> | 'all', compute: (labels: Labels) => T): (labels: Labels) => T {
  const known = new Map<string, T>()
  return labels => {
    let key = ''
    for (const axis of axes === 'all' ? Object.keys(labels) : axes) key += `${axis}=${JSON.stringify(labels[axis])}\0`
    let value = known.get(key)
    if (value === undefined && !known.has(key)) known.set(key, (value = compute(labels)))
    return value as T
  }
}

/** A single string, which must give a text. */
export function evaluateText(template: Template, scope: Scope): string {
  const value = evaluateTemplate(template, scope)
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const first = template.parts.find(part => typeof part !== 'string')
  throw new ExpressionError('expression-value', first ?? { start: 0, end: template.text.length }, 'This must give a text.')
}
