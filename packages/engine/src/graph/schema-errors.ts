import type { Json } from '../artifacts/types.js'
import type { Code } from '../diagnostics/codes.js'
import { didYouMean } from '../diagnostics/suggestion.js'

/** ajv's, as far as it is read here: the declarations of this module go where ajv's do not. */
export interface ErrorObject {
  readonly keyword: string
  readonly instancePath: string
  readonly schemaPath: string
  readonly params: Readonly<Record<string, any>>
  readonly propertyName?: string
  readonly message?: string
  readonly schema?: unknown
  readonly parentSchema?: Readonly<Record<string, any>>
  readonly data?: unknown
}

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
  const below = (outer: ErrorObject) => errors.filter(e => e !== outer && !covered.has(e) && e.schemaPath.startsWith(`${outer.schemaPath}/`))
  // Why each item of a list is not the one that it must hold says nothing.
  for (const error of errors) if (error.keyword === 'contains') for (const item of below(error)) covered.add(item)
  // Branches come before their anyOf in ajv's list; outer ones come last and cover the inner.
  for (const choice of [...errors].reverse()) {
    if ((choice.keyword !== 'anyOf' && choice.keyword !== 'oneOf') || covered.has(choice)) continue
    const branches = below(choice)
    if (branches.length === 0 && choice.keyword === 'oneOf') continue
    for (const branch of branches) covered.add(branch)
    covered.add(choice)
    problems.push(...chosen(choice, branches))
  }
  // What is wrong with a name is told by `propertyNames`, and a branch of `if` by its own errors.
  for (const error of errors) if (!covered.has(error) && error.keyword !== 'if' && error.propertyName === undefined) problems.push(problem(error))
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
  const isOtherType = (e: ErrorObject) => e.instancePath === choice.instancePath && (e.keyword === 'type' || (e.keyword === 'const' && typeof e.params.allowedValue !== typeof choice.data))
  const ofRightType = [...groups.values()].filter(group => !group.some(isOtherType))
  // Another word than the one that may stand in place of a list is told with the list, which may be what was meant.
  if (ofRightType.length === 1 && !ofRightType[0]!.every(e => e.keyword === 'const' && e.instancePath === choice.instancePath)) return ofRightType[0]!.map(problem)
  const foreign = keyOfNone(choice, [...groups.values()])
  if (foreign) return [foreign]
  if (branches.every(e => e.keyword === 'required' && e.instancePath === choice.instancePath) && branches.length > 0) {
    const names = [...new Set(branches.map(e => subject(`${choice.instancePath}/${escapePart(e.params.missingProperty)}`)))]
    return [{ code: 'bad-parameter', pointer: choice.instancePath, which: 'value', keyword: 'required', message: `${listed(names)} is required` }]
  }
  const meant = groupMeant(choice, ofRightType)
  if (meant) return meant.map(problem)
  const expected = here.flatMap(e => (e.keyword === 'type' ? typeNames(e.params.type) : e.keyword === 'enum' ? (e.params.allowedValues as Json[]).map(show) : e.keyword === 'const' ? [show(e.params.allowedValue as Json)] : []))
  // Every branch that wants another type or another word can be named; others have to be looked up.
  const isNamed = expected.length > 0 && here.every(e => ['type', 'enum', 'const'].includes(e.keyword)) && here.length === branches.length
  const message = `${subject(choice.instancePath)} ${isNamed ? `must be ${listed([...new Set(expected)])}` : 'has none of the forms that it may have'}; got ${show(choice.data as Json)}`
  const hint = howToWrite(here.filter(e => e.keyword === 'type').flatMap(e => e.params.type as string | string[]), choice.data as Json, { properties: keysOf(here) })
  return [{ code: 'bad-parameter', pointer: choice.instancePath, which: 'value', keyword: choice.keyword, message, ...(hint !== undefined && { hint }) }]
}

/** Of several forms of the right type the one whose keys the value has, with something wrong further in. */
function groupMeant(choice: ErrorObject, groups: readonly (readonly ErrorObject[])[]): readonly ErrorObject[] | undefined {
  const fitting = groups.filter(group => group.every(error => error.instancePath.startsWith(`${choice.instancePath}/`)))
  return fitting.length === 1 ? fitting[0] : undefined
}

const keysOf = (errors: readonly ErrorObject[]): Readonly<Record<string, unknown>> => Object.assign({}, ...errors.map(e => e.parentSchema?.properties as object | undefined))

/** A key that no branch knows is the mistake, not that the value fits none of them. */
function keyOfNone(choice: ErrorObject, groups: readonly (readonly ErrorObject[])[]): SchemaProblem | undefined {
  const unknown = groups.map(group => group.find(e => e.keyword === 'additionalProperties' && e.instancePath === choice.instancePath))
  const [first] = unknown
  if (!first || !unknown.every(e => e?.params.additionalProperty === first.params.additionalProperty)) return undefined
  return problem({ ...first, parentSchema: { properties: keysOf(unknown as readonly ErrorObject[]) } })
}

function problem(error: ErrorObject): SchemaProblem {
  const { instancePath: pointer, keyword, params } = error
  const data = error.data as Json
  const must = (what: string, hint?: string): SchemaProblem => ({
    code: 'bad-parameter', pointer, which: 'value', keyword, message: `${subject(pointer)} must ${what}; got ${show(data)}`, ...(hint !== undefined && { hint }),
  })
  const at = (place: string, which: SchemaProblem['which'], message: string, hint?: string): SchemaProblem => ({ code: 'bad-parameter', pointer: place, which, keyword, message, ...(hint !== undefined && { hint }) })
  const within = (name: string) => subject(`${pointer}/${escapePart(name)}`)
  /** Names that a schema forbids together, at the last of them. */
  const excluding = (names: readonly string[]): SchemaProblem => {
    const last = names.at(-1)!
    const message = names.length === 1 ? `${within(last)} may not be given` : `${quotedList(names.map(within))} exclude each other`
    return at(`${pointer}/${escapePart(last)}`, 'key', message, names.length === 1 ? undefined : names.length === 2 ? 'Keep one of them.' : 'Leave one of them out.')
  }
  const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`
  switch (keyword) {
    case 'type':
      return must(`be ${listed(typeNames(params.type))}`, howToWrite([params.type].flat(), data, error.parentSchema))
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
      return at(`${pointer}/${escapePart(params.propertyName)}`, 'key', `"${params.propertyName}" cannot be a key of ${pointer === '' ? 'the parameters' : subject(pointer)}`, (error.schema as { description?: string } | undefined)?.description)
    case 'dependentRequired':
    case 'dependencies':
      return at(`${pointer}/${escapePart(params.property)}`, 'key', `${within(params.property)} needs ${within(params.missingProperty)} beside it`)
    case 'contains':
      return at(pointer, 'value', `${subject(pointer)} must hold ${params.maxContains === undefined ? `at least ${count(params.minContains, 'item')}` : `${params.minContains} to ${count(params.maxContains, 'item')}`} of the form that is asked for; got ${show(data)}`)
    case 'oneOf': {
      const [first, second] = (params.passingSchemas ?? []) as number[]
      const branches = error.schema as readonly unknown[]
      const together = first === undefined || second === undefined ? [] : [...requiredOf(branches[first]), ...requiredOf(branches[second])]
      return together.length > 1 ? excluding(together) : at(pointer, 'value', `${subject(pointer)} fits several of its forms at once; got ${show(data)}`)
    }
    case 'not': {
      const together = requiredOf(error.schema)
      return together.length > 0 ? excluding(together) : at(pointer, 'value', `${subject(pointer)} may not be ${show(data)}`)
    }
    case 'false schema': {
      // `dependentSchemas: { init: { properties: { model: false } } }`
      const beside = /\/dependentSchemas\/([^/]+)\//.exec(error.schemaPath)?.[1]
      const holder = pointer.slice(0, pointer.lastIndexOf('/'))
      return at(pointer, 'key', `${subject(pointer)} may not be given${beside === undefined ? '' : ` beside ${subject(`${holder}/${beside}`)}`}`, beside === undefined ? undefined : 'Keep one of them.')
    }
    default:
      return { code: 'bad-parameter', pointer, which: 'value', keyword, message: `${subject(pointer)} ${error.message ?? `fails ${keyword}`}; got ${show(data)}` }
  }
}

const types: Readonly<Record<string, string>> = { string: 'a text', number: 'a number', integer: 'a whole number', boolean: 'true or false', array: 'a list', object: 'a map', null: 'null' }
const typeNames = (type: string | string[]) => [type].flat().map(t => types[t] ?? t)

/** How a value of another type would have to be written, where that can be told. */
function howToWrite(wanted: readonly string[], data: Json, schema: ErrorObject['parentSchema']): string | undefined {
  const isScalar = typeof data !== 'object'
  const isNumber = wanted.includes('number') || wanted.includes('integer')
  if (typeof data === 'string' && isNumber && data.trim() !== '' && Number.isFinite(Number(data))) return 'Remove the quotes; from the environment, write fromJSON(env.NAME).'
  if (isScalar && typeof data !== 'string' && wanted.includes('string')) return `Put it in quotes: "${data}".`
  if (isScalar && wanted.includes('array')) return `Write [${show(data)}].`
  const keys = Object.keys((schema?.properties as object | undefined) ?? {})
  return wanted.includes('object') && keys.length > 0 && (isScalar || Array.isArray(data)) ? `Its keys are ${keys.join(', ')}.` : undefined
}

/** What a schema that asks for nothing but names asks for. */
const requiredOf = (schema: unknown): readonly string[] => {
  const { required, ...more } = (typeof schema === 'object' && schema !== null ? schema : {}) as { required?: readonly string[] }
  return required && Object.keys(more).length === 0 ? required : []
}

const quotedList = (items: readonly string[]) => (items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`)
const listed = (items: readonly string[]) => (items.length < 2 ? (items[0] ?? 'nothing') : `${items.slice(0, -1).join(', ')} or ${items.at(-1)}`)

/** Short JSON of a value. */
export function show(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`
}

export const pointerParts = (pointer: string) => (pointer === '' ? [] : pointer.replace(/^\//, '').split('/').map(part => part.replaceAll('~1', '/').replaceAll('~0', '~')))
export const escapePart = (part: string) => part.replaceAll('~', '~0').replaceAll('/', '~1')

/** `/split/test` as `"split.test"`, `/paths/0` as `"paths[0]"`. */
export function subject(pointer: string): string {
  if (pointer === '') return '`with`'
  let name = ''
  for (const part of pointerParts(pointer)) name += /^\d+$/.test(part) ? `[${part}]` : `${name && '.'}${part}`
  return `"${name}"`
}
