import type { Json, JsonObject } from '../../artifacts/types.js'
import { didYouMean } from '../../diagnostics/suggestion.js'
import { FunctionError, capital, equal, functions, isFunctionName, toText, typeName } from './functions.js'
import { references, type Reference } from './references.js'
import { ExpressionError, type Expression, type Template } from './syntax.js'

/** What a name stands for. `deferred` values are not known yet: a digest before the run, a secret outside of it. */
export const deferred: unique symbol = Symbol('deferred')
export type Known<T> = T | typeof deferred

/** What expressions can read. What a place may not read was refused before. */
export interface Scope {
  readonly params: JsonObject
  readonly matrix: Known<Readonly<Record<string, Json>>>
  /** null where it is not set. */
  readonly env: (name: string) => Known<string | null>
  readonly secret: (name: string) => Known<string>
  readonly digest: (stage: string, port: string) => Known<string>
  readonly metric: (stage: string, name: string) => Known<number | null>
}

/** The value of an expression, or `deferred` where it rests on one that is. Throws an ExpressionError. */
export function evaluate(expression: Expression, scope: Scope): Known<Json> {
  switch (expression.type) {
    case 'literal':
      return expression.value
    case 'name':
    case 'member':
      return read(expression, scope)
    case 'not': {
      const value = evaluate(expression.operand, scope)
      return value === deferred ? deferred : !isTrue(value)
    }
    case 'binary':
      return binary(expression, scope)
    case 'call': {
      const values = expression.args.map(arg => evaluate(arg, scope))
      if (values.includes(deferred)) return deferred
      if (!isFunctionName(expression.name)) throw new Error(`Internal: no function ${expression.name}`)
      return complaining(expression, () => functions[expression.name]!.call(...(values as Json[])))
    }
    default:
      throw new Error(`Internal: ${(expression satisfies never as Expression).type}`)
  }
}

/** False, null, 0 and the empty text are false, as in GitHub Actions. */
export const isTrue = (value: Json) => value !== false && value !== null && value !== 0 && value !== ''

/** The value of a template: of its expression where that is the whole, else a text. `deferred` if any part is. */
export function evaluateTemplate(template: Template, scope: Scope): Known<Json> {
  const [only] = template.parts
  if (template.parts.length === 1) return typeof only === 'string' ? only : notUnset(only!, evaluate(only!, scope))
  let text = ''
  for (const part of template.parts) {
    if (typeof part === 'string') {
      text += part
      continue
    }
    const known = evaluatedText(part, scope)
    if (known === deferred) return deferred
    text += known
  }
  return text
}

/** What an expression stands for in the middle of a text. */
export function evaluatedText(expression: Expression, scope: Scope): Known<string> {
  const value = notUnset(expression, evaluate(expression, scope))
  return value === deferred ? deferred : complaining(expression, () => toText(value))
}

/** An environment variable that is read by itself must be set; inside of an operator it may be null. */
export function notUnset(expression: Expression, value: Known<Json>): Known<Json> {
  if (value !== null || expression.type !== 'member') return value
  const reference = references(expression)[0]
  if (reference?.type !== 'env') return value
  throw new ExpressionError('expression-value', expression, `The environment variable ${reference.name} is not set.`, `Set it, or write \${{ env.${reference.name} || 'a default' }}.`)
}

function complaining<T>(at: Expression, call: () => T): T {
  try {
    return call()
  } catch (error) {
    if (error instanceof FunctionError) throw new ExpressionError('expression-value', at, error.message)
    throw error
  }
}

function binary(expression: Expression & { type: 'binary' }, scope: Scope): Known<Json> {
  const { operator } = expression
  const left = evaluate(expression.left, scope)
  if (operator === '&&' || operator === '||') {
    if (left === deferred) return deferred
    return isTrue(left) === (operator === '||') ? left : evaluate(expression.right, scope)
  }
  const right = evaluate(expression.right, scope)
  if (left === deferred || right === deferred) return deferred
  if (operator === '==') return equal(left, right)
  if (operator === '!=') return !equal(left, right)
  if (!(typeof left === 'number' && typeof right === 'number') && !(typeof left === 'string' && typeof right === 'string')) {
    throw new ExpressionError('expression-value', expression, `${operator} compares two numbers or two texts, not ${typeName(left)} with ${typeName(right)}.`)
  }
  switch (operator) {
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    case '>=':
      return left >= right
    default:
      throw new Error(`Internal: ${operator satisfies never}`)
  }
}

function read(expression: Expression, scope: Scope): Known<Json> {
  if (expression.type === 'member') {
    const reference = outside(expression)
    switch (reference?.type) {
      case 'env':
        return scope.env(reference.name)
      case 'secret':
        return scope.secret(reference.name)
      case 'digest':
        return scope.digest(reference.stage, reference.port)
      case 'metric':
        return scope.metric(reference.stage, reference.name)
      default:
    }
    const object = evaluate(expression.object, scope)
    const key = evaluate(expression.key, scope)
    if (object === deferred || key === deferred) return deferred
    return member(object, key, expression)
  }
  if (expression.type === 'name' && expression.name === 'params') return scope.params
  if (expression.type === 'name' && expression.name === 'matrix') return scope.matrix as Known<JsonObject>
  throw new ExpressionError('expression-name', expression, 'Only a part of this can be read, not the whole.')
}

const outsideOf = new WeakMap<Expression, Reference | null>()

/** The reference that the whole of a path is, where it leads to something other than params and matrix. */
function outside(expression: Expression): Reference | undefined {
  let known = outsideOf.get(expression)
  if (known === undefined) {
    const [first] = references(expression)
    known = first && first.type !== 'params' && first.type !== 'matrix' && first.expression === expression ? first : null
    outsideOf.set(expression, known)
  }
  return known ?? undefined
}

function member(object: Json, key: Json, expression: Expression & { type: 'member' }): Json {
  const at = expression.key
  if (Array.isArray(object)) {
    if (typeof key !== 'number' || !Number.isInteger(key)) throw new ExpressionError('expression-value', at, 'A list is read by a whole number, from 0 on.')
    const item = (object as readonly Json[])[key]
    if (item === undefined) throw new ExpressionError('expression-name', at, `The list has ${object.length} item${object.length === 1 ? '' : 's'}; there is none at ${key}.`)
    return item
  }
  if (typeof object !== 'object' || object === null) throw new ExpressionError('expression-value', at, `${capital(typeName(object))} has no parts.`)
  const name = String(key)
  if (Object.hasOwn(object, name)) return (object as JsonObject)[name]!
  const names = Object.keys(object)
  const root = expression.object
  const what = root.type === 'name' && root.name === 'params' ? 'The pipeline has no parameter' : root.type === 'name' && root.name === 'matrix' ? 'The stage has no matrix axis' : 'There is no key'
  throw new ExpressionError('expression-name', at, `${what} "${name}".`, didYouMean(name, names))
}
