import type { ErrorObject } from 'ajv'
import type { Json } from '../artifacts/types.js'
import type { Code } from '../diagnostics/codes.js'
import { didYouMean } from '../diagnostics/suggestion.js'

/** What is wrong with a value, at a JSON pointer; `key` when the key itself is wrong. */
export interface SchemaProblem {
  readonly code: Code
  readonly pointer: string
  readonly which: 'key' | 'value'
  readonly keyword: string
  readonly message: string
  readonly hint?: string
}

/** ajv's errors in plain language; what several branches of an `anyOf` say of one value becomes one. */
export function schemaProblems(errors: readonly ErrorObject[]): SchemaProblem[] {
  const problems: SchemaProblem[] = []
  const covered = new Set<ErrorObject>()
  // Branches come before their anyOf in ajv's list; outer ones come last and cover the inner.
  for (const choice of [...errors].reverse()) {
    if ((choice.keyword !== 'anyOf' && choice.keyword !== 'oneOf') || covered.has(choice)) continue
    const branches = errors.filter(e => e !== choice && !covered.has(e) && e.schemaPath.startsWith(`${choice.schemaPath}/`))
    if (branches.length === 0 && choice.keyword === 'oneOf') continue
    for (const branch of branches) covered.add(branch)
    covered.add(choice)
    problems.push(...chosen(choice, branches))
  }
  for (const error of errors) if (!covered.has(error) && error.keyword !== 'if') problems.push(problem(error))
  return problems
}

/** Of an `anyOf`: the errors of the one branch that the value seems to mean, else the types that would do. */
function chosen(choice: ErrorObject, branches: readonly ErrorObject[]): SchemaProblem[] {
  const here = branches.filter(e => e.instancePath === choice.instancePath)
  const groups = new Map<string, ErrorObject[]>()
  for (const error of branches) {
    const branch = error.schemaPath.slice(choice.schemaPath.length + 1).split('/')[0]!
    groups.set(branch, [...(groups.get(branch) ?? []), error])
  }
  const ofRightType = [...groups.values()].filter(group => !group.some(e => e.keyword === 'type' && e.instancePath === choice.instancePath))
  if (ofRightType.length === 1) return ofRightType[0]!.map(problem)
  const expected = here.flatMap(e => (e.keyword === 'type' ? typeNames(e.params.type) : e.keyword === 'enum' ? (e.params.allowedValues as Json[]).map(show) : e.keyword === 'const' ? [show(e.params.allowedValue as Json)] : []))
  // Every branch that wants another type or another word can be named; others have to be looked up.
  const isNamed = expected.length > 0 && here.every(e => ['type', 'enum', 'const'].includes(e.keyword)) && here.length === branches.length
  const message = `${subject(choice.instancePath)} ${isNamed ? `must be ${listed([...new Set(expected)])}` : 'has none of the forms that it may have'}; got ${show(choice.data as Json)}`
  return [{ code: 'bad-parameter', pointer: choice.instancePath, which: 'value', keyword: choice.keyword, message }]
}

function problem(error: ErrorObject): SchemaProblem {
  const { instancePath: pointer, keyword, params } = error
  const data = error.data as Json
  const must = (what: string, hint?: string): SchemaProblem => ({
    code: 'bad-parameter', pointer, which: 'value', keyword, message: `${subject(pointer)} must ${what}; got ${show(data)}`, ...(hint !== undefined && { hint }),
  })
  const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`
  switch (keyword) {
    case 'type':
      return must(`be ${listed(typeNames(params.type))}`, quotedNumber(params.type, data))
    case 'minimum':
      return must(`be ≥ ${params.limit}`)
    case 'maximum':
      return must(`be ≤ ${params.limit}`)
    case 'exclusiveMinimum':
      return must(`be > ${params.limit}`)
    case 'exclusiveMaximum':
      return must(`be < ${params.limit}`)
    case 'multipleOf':
      return must(`be a multiple of ${params.multipleOf}`)
    case 'minLength':
      return params.limit === 1 ? { ...must(''), message: `${subject(pointer)} must not be empty` } : must(`have at least ${count(params.limit, 'character')}`)
    case 'maxLength':
      return must(`have at most ${count(params.limit, 'character')}`)
    case 'minItems':
      return params.limit === 1 ? { ...must(''), message: `${subject(pointer)} must not be empty` } : must(`have at least ${count(params.limit, 'item')}`)
    case 'maxItems':
      return must(`have at most ${count(params.limit, 'item')}`)
    case 'minProperties':
      return params.limit === 1 ? { ...must(''), message: `${subject(pointer)} must not be empty` } : must(`have at least ${count(params.limit, 'key')}`)
    case 'maxProperties':
      return must(`have at most ${count(params.limit, 'key')}`)
    case 'uniqueItems':
      return { ...must(''), message: `${subject(pointer)} has the same item twice: number ${params.j + 1} and number ${params.i + 1}` }
    case 'enum': {
      const allowed = params.allowedValues as Json[]
      const near = typeof data === 'string' ? didYouMean(data, allowed.filter(a => typeof a === 'string')) : undefined
      return must(`be ${listed(allowed.map(show))}`, near?.startsWith('Did') ? near : undefined)
    }
    case 'const':
      return must(`be ${show(params.allowedValue as Json)}`)
    case 'pattern':
      return must(`match ${params.pattern}`)
    case 'required': {
      const name = `${pointer}/${escapePart(params.missingProperty)}`
      return { code: 'bad-parameter', pointer, which: 'value', keyword, message: `${subject(name)} is required` }
    }
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const key = (params.additionalProperty ?? params.unevaluatedProperty) as string
      const known = Object.keys((error.parentSchema?.properties as object | undefined) ?? {})
      const hint = didYouMean(key, known, 'Its keys are')
      const holder = pointer === '' ? 'the parameters' : subject(pointer)
      return { code: 'unknown-key', pointer: `${pointer}/${escapePart(key)}`, which: 'key', keyword, message: `"${key}" is not a key of ${holder}`, ...(hint !== undefined && { hint }) }
    }
    case 'propertyNames':
      return { code: 'bad-parameter', pointer: `${pointer}/${escapePart(params.propertyName)}`, which: 'key', keyword, message: `"${params.propertyName}" cannot be a key of ${subject(pointer)}` }
    case 'dependentRequired':
    case 'dependencies':
      return { code: 'bad-parameter', pointer, which: 'value', keyword, message: `"${params.property}" needs ${params.deps} beside it` }
    case 'oneOf':
      return { code: 'bad-parameter', pointer, which: 'value', keyword, message: `${subject(pointer)} fits several of its forms at once; got ${show(data)}` }
    case 'not':
      return { code: 'bad-parameter', pointer, which: 'value', keyword, message: `${subject(pointer)} may not be ${show(data)}` }
    default:
      return { code: 'bad-parameter', pointer, which: 'value', keyword, message: `${subject(pointer)} ${error.message ?? `fails ${keyword}`}; got ${show(data)}` }
  }
}

const types: Readonly<Record<string, string>> = { string: 'a text', number: 'a number', integer: 'a whole number', boolean: 'true or false', array: 'a list', object: 'a map', null: 'null' }
const typeNames = (type: string | string[]) => [type].flat().map(t => types[t] ?? t)

const quotedNumber = (type: string | string[], data: Json) =>
  typeof data === 'string' && [type].flat().some(t => t === 'number' || t === 'integer') && data.trim() !== '' && Number.isFinite(Number(data)) ? 'Remove the quotes; from the environment, write fromJSON(env.NAME).' : undefined

const listed = (items: readonly string[]) => (items.length < 2 ? (items[0] ?? 'nothing') : `${items.slice(0, -1).join(', ')} or ${items.at(-1)}`)

/** Short JSON of a value. */
export function show(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`
}

export const pointerParts = (pointer: string) => (pointer === '' ? [] : pointer.replace(/^\//, '').split('/').map(part => part.replaceAll('~1', '/').replaceAll('~0', '~')))
export const escapePart = (part: string) => part.replaceAll('~', '~0').replaceAll('/', '~1')

/** `/split/test` as `"split.test"`, `/paths/0` as `"paths[0]"`. */
function subject(pointer: string): string {
  if (pointer === '') return '`with`'
  let name = ''
  for (const part of pointerParts(pointer)) name += /^\d+$/.test(part) ? `[${part}]` : `${name && '.'}${part}`
  return `"${name}"`
}
