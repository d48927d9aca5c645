import type { Json, JsonObject } from '../artifacts/types.js'
import { didYouMean, nearest } from '../diagnostics/suggestion.js'
import type { ExpressionCheck } from './expression-check.js'
import { evaluateTemplate, type Scope } from './expressions/evaluate.js'
import { typeName } from './expressions/functions.js'
import { ExpressionError } from './expressions/syntax.js'
import { parseDuration } from './quantities.js'
import type { InputSource, Located, MatrixSource, StageSource } from './pipeline.js'
import type { Path, Shape } from './shape.js'

export const idPattern = /^[a-z][a-z0-9_-]*$/
const labelPattern = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/
const variablePattern = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Keys that `defaults:` may give for every stage. */
export const defaultKeys = ['seed', 'timeout', 'retry', 'env', 'resources', 'cache', 'executor', 'backend'] as const
export const stageKeys = ['uses', 'description', 'inputs', 'needs', 'with', 'matrix', 'when', 'publish', ...defaultKeys] as const
export const resourceKeys = ['cpus', 'memory', 'gpus']
export const retryKeys = ['attempts', 'backoff']

export interface StageReading {
  readonly shape: Shape
  readonly expressions: ExpressionCheck
  /** For `matrix`, which is computed at once. */
  readonly scope: Scope
}

/** What a stage or `defaults:` says of how it runs; what it does not say is absent. */
interface Settings {
  readonly seed?: number | string
  readonly timeoutMs?: number
  readonly attempts?: number
  readonly backoffMs?: number
  readonly env: Readonly<Record<string, string>>
  readonly resources: JsonObject
  readonly cache?: boolean
  readonly executor?: string
  readonly backend?: string
}

/** Reads `defaults:` or the same keys of a stage, at `path`. */
export function readSettings(map: JsonObject, path: Path, { shape, expressions }: StageReading): Settings {
  const seedPath = [...path, 'seed']
  const isExpression = typeof map.seed === 'string' && map.seed.includes('${{')
  if (isExpression) expressions.one(map.seed as string, seedPath, 'seed')
  const seed = isExpression ? (map.seed as string) : shape.integer(map.seed, seedPath, 0)
  const retryIsCount = typeof map.retry === 'number'
  const retry = retryIsCount ? {} : shape.record(map.retry, [...path, 'retry'], retryKeys)
  const attempts = retryIsCount ? shape.integer(map.retry, [...path, 'retry'], 1) : shape.integer(retry.attempts, [...path, 'retry', 'attempts'], 1)
  const resources = shape.record(map.resources, [...path, 'resources'], resourceKeys)
  expressions.all(resources, [...path, 'resources'], 'resources')
  for (const key of ['timeout', 'executor', 'backend', 'retry', 'cache']) expressions.none(map[key], [...path, key])
  const duration = (value: Json | undefined, at: Path, least: number) => {
    if (value === undefined) return undefined
    const ms = parseDuration(value)
    if (ms !== undefined && ms >= least) return ms
    shape.error('bad-quantity', at, `"${at.at(-1)}" must be a duration${least ? ' above 0' : ''}; got ${typeof value === 'object' ? typeName(value) : JSON.stringify(value)}.`, 'Write for example 90s, 15m, 2h or 1h30m.')
    return undefined
  }
  return defined({
    seed,
    timeoutMs: duration(map.timeout, [...path, 'timeout'], 1),
    attempts,
    backoffMs: duration(retry.backoff, [...path, 'retry', 'backoff'], 0),
    env: readEnv(map.env, [...path, 'env'], shape, expressions),
    resources,
    cache: shape.boolean(map.cache, [...path, 'cache']),
    executor: shape.string(map.executor, [...path, 'executor']),
    backend: shape.string(map.backend, [...path, 'backend']),
  }) as unknown as Settings
}

const defined = (map: Record<string, unknown>) => Object.fromEntries(Object.entries(map).filter(([, value]) => value !== undefined))

function readEnv(value: Json | undefined, path: Path, shape: Shape, expressions: ExpressionCheck): Readonly<Record<string, string>> {
  const env: Record<string, string> = {}
  const named = (name: string, at: Path, which: 'key' | 'value') => {
    if (variablePattern.test(name)) return true
    shape.error('bad-id', at, `"${name}" cannot be the name of an environment variable.`, 'Names are made of letters, digits and _.', which)
    return false
  }
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      const name = shape.string(item as Json, [...path, i])
      // What is passed through and not set is left out.
      if (name !== undefined && named(name, [...path, i], 'value')) env[name] = `\${{ env.${name} || null }}`
    }
    return env
  }
  for (const [name, item] of Object.entries(shape.map(value, path, 'a map of names to values, or a list of names'))) {
    const at = [...path, name]
    if (!named(name, at, 'key')) continue
    if (typeof item === 'object') shape.error('wrong-type', at, `"${name}" must be a text; got ${typeName(item)}.`, item === null ? `To pass it through write env: [${name}].` : undefined)
    else env[name] = String(item)
  }
  expressions.all(env, path, 'env')
  return env
}

/** Reads one stage; `defaults` are what the file gives for all. Undefined where it has no `uses`. */
export function readStage(id: string, value: Json, defaults: Settings, reading: StageReading): StageSource | undefined {
  const { shape, expressions } = reading
  const path = ['stages', id]
  if (typeof value === 'string' && /^[\w-]+\/[\w-]+(@\d+)?$/.test(value)) {
    shape.error('wrong-type', path, `"${id}" must be a map; got a text.`, `Write ${id}: { uses: ${value} }.`)
    return undefined
  }
  if (!idPattern.test(id)) shape.error('bad-id', path, `"${id}" cannot name a stage.`, 'Names are made of a-z, 0-9, _ and -, and begin with a letter.', 'key')
  const map = shape.record(value, path, stageKeys, () =>
    typeof value === 'object' && value !== null && 'with' in value && value.with === null ? 'Indent it: parameters of the stage stand further in, below `with:`.' : 'Parameters of the stage stand under `with:`.',
  )
  const uses = shape.string(map.uses, [...path, 'uses'])
  expressions.none(map.uses, [...path, 'uses'])
  const isMistyped = Object.keys(map).some(key => nearest(key, ['uses']) === 'uses')
  if (map.uses === undefined && !isMistyped && (value === null || (typeof value === 'object' && !Array.isArray(value)))) shape.error('missing-key', path, `The stage "${id}" has no "uses".`, 'Name what it does, for example uses: command/shell; `hone stages` lists all.', 'key')
  const withMap = shape.map(map.with, [...path, 'with'], 'a map of parameters', 'Write with: { NAME: value }.')
  expressions.all(withMap, [...path, 'with'], 'with')
  const own = readSettings(map, path, reading)
  const inputs = readInputs(map.inputs, [...path, 'inputs'], reading)
  const needs = readNeeds(map.needs, [...path, 'needs'], reading)
  const matrix = map.matrix === undefined ? undefined : readMatrix(map.matrix, [...path, 'matrix'], reading)
  const when = readWhen(map.when, [...path, 'when'], reading)
  const publish = readPublish(map.publish, [...path, 'publish'], reading)
  const description = shape.string(map.description, [...path, 'description'])
  if (uses === undefined) return undefined
  const timeoutMs = own.timeoutMs ?? defaults.timeoutMs
  const executor = own.executor ?? defaults.executor
  const backend = own.backend ?? defaults.backend
  return {
    id,
    uses: { value: uses, range: shape.document.rangeOf([...path, 'uses']) },
    with: withMap,
    inputs,
    needs,
    ...(map.matrix !== undefined && { matrix: matrix ?? ('unread' as const) }),
    ...(when && { when }),
    resources: { ...defaults.resources, ...own.resources },
    ...(timeoutMs !== undefined && { timeoutMs }),
    retry: { attempts: own.attempts ?? defaults.attempts ?? 1, backoffMs: own.backoffMs ?? defaults.backoffMs ?? 1000 },
    env: { ...defaults.env, ...own.env },
    publish,
    cache: own.cache ?? defaults.cache ?? true,
    ...(executor !== undefined && { executor }),
    ...(backend !== undefined && { backend }),
    seed: own.seed ?? defaults.seed ?? 0,
    ...(description !== undefined && { description }),
  }
}

function readInputs(value: Json | undefined, path: Path, { shape, expressions }: StageReading): Readonly<Record<string, InputSource>> {
  const inputs: Record<string, InputSource> = {}
  expressions.all(value, path, 'inputs')
  const reference = (ref: Json, at: Path): Located<string> => {
    if (typeof ref !== 'string' || ref.trim() === '') {
      shape.error('wrong-type', at, `An input must name a stage; got ${ref === '' ? 'an empty text' : typeName(ref)}.`, 'Write stage or stage.port.')
      // An empty reference has been complained about, and is not followed.
      return { value: '', range: shape.document.rangeOf(at) }
    }
    return { value: ref.trim(), range: shape.document.rangeOf(at) }
  }
  for (const [port, source] of Object.entries(shape.map(value, path, 'a map of ports to stages', typeof value === 'string' ? `Write inputs: { PORT: ${value} }.` : undefined))) {
    const at = [...path, port]
    if (Array.isArray(source)) {
      const refs = (source as readonly Json[]).map((ref, i) => reference(ref, [...at, i]))
      inputs[port] = { type: 'list', refs }
    } else if (typeof source === 'object' && source !== null) {
      const refs: Record<string, Located<string>> = {}
      for (const [label, ref] of Object.entries(source)) {
        const located = reference(ref, [...at, label])
        if (!labelPattern.test(label)) shape.error('bad-id', [...at, label], `"${label}" cannot be a label.`, 'Labels are made of letters, digits, _, -, + and dots.', 'key')
        else refs[label] = located
      }
      inputs[port] = { type: 'map', refs }
    } else {
      inputs[port] = { type: 'one', ref: reference(source, at) }
    }
  }
  return inputs
}

function readNeeds(value: Json | undefined, path: Path, { shape, expressions }: StageReading): readonly Located<string>[] {
  expressions.none(value, path)
  if (typeof value === 'string') return [{ value: value.trim(), range: shape.document.rangeOf(path) }]
  const needs: Located<string>[] = []
  for (const [i, item] of shape.list(value, path, 'a list of stages').entries()) {
    const ref = shape.string(item, [...path, i])
    if (ref !== undefined) needs.push({ value: ref.trim(), range: shape.document.rangeOf([...path, i]) })
  }
  return needs
}

function readWhen(value: Json | undefined, path: Path, { shape, expressions }: StageReading): Located<string | boolean> | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'boolean' && (typeof value !== 'string' || value.trim() === '')) {
    shape.error('wrong-type', path, `"when" must be an expression, or true or false; got ${value === '' ? 'an empty text' : typeName(value)}.`)
    return undefined
  }
  if (typeof value === 'string') expressions.one(value, path, 'when')
  return { value, range: shape.document.rangeOf(path) }
}

function readPublish(value: Json | undefined, path: Path, { shape, expressions }: StageReading): Readonly<Record<string, string>> {
  const publish: Record<string, string> = {}
  for (const [port, to] of Object.entries(shape.map(value, path, 'a map of ports to paths'))) {
    const text = shape.string(to, [...path, port])
    if (text !== undefined) publish[port] = text
  }
  expressions.all(publish, path, 'publish')
  return publish
}

function readMatrix(value: Json, path: Path, reading: StageReading): MatrixSource | undefined {
  const { shape } = reading
  const before = shape.collector.errors
  const axes: Record<string, readonly (string | number | boolean)[]> = {}
  const computed = computeMatrix(value, path, reading)
  const map = shape.map(computed, path, 'a map of axes to lists')
  const isScalar = (item: Json) => typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean'
  for (const [axis, values] of Object.entries(map)) {
    if (axis === 'include' || axis === 'exclude') continue
    const at = [...path, axis]
    if (!idPattern.test(axis)) {
      shape.error('bad-id', at, `"${axis}" cannot name an axis.`, 'Names are made of a-z, 0-9, _ and -, and begin with a letter; the values of an axis stand in [ ].', 'key')
      continue
    }
    const list = shape.list(values ?? {}, at, 'a list of values')
    if (Array.isArray(values) && list.length === 0) shape.error('bad-matrix', at, `The axis "${axis}" has no values, so no node would be left.`)
    const seen = new Set<Json>()
    for (const [i, item] of list.entries()) {
      if (!isScalar(item)) shape.error('wrong-type', [...at, i], `A value of an axis must be a text, a number, or true or false; got ${typeName(item)}.`)
      else if (seen.has(item)) shape.error('bad-matrix', [...at, i], `The axis "${axis}" has ${JSON.stringify(item)} twice.`)
      seen.add(item)
    }
    axes[axis] = list as readonly (string | number | boolean)[]
  }
  const entries = (key: 'include' | 'exclude') =>
    shape.list(map[key], [...path, key], 'a list of maps').map((entry, i) => {
      const at = [...path, key, i]
      const combination = shape.map(entry, at, 'a map of axes to values')
      for (const [axis, item] of Object.entries(combination)) {
        if (key === 'exclude' && !(axis in axes)) shape.error('bad-matrix', [...at, axis], `The matrix has no axis "${axis}".`, didYouMean(axis, Object.keys(axes), 'Its axes are'), 'key')
        if (!isScalar(item)) shape.error('wrong-type', [...at, axis], `A value of an axis must be a text, a number, or true or false; got ${typeName(item)}.`)
        if (!idPattern.test(axis)) shape.error('bad-id', [...at, axis], `"${axis}" cannot name an axis.`, 'Names are made of a-z, 0-9, _ and -, and begin with a letter.', 'key')
      }
      return combination
    })
  const [exclude, include] = [entries('exclude'), entries('include')]
  if (Object.keys(axes).length === 0 && include.length === 0 && shape.collector.errors === before) shape.error('bad-matrix', path, 'The matrix has no axis.', 'Write for example matrix: { rank: [4, 8] }.')
  return shape.collector.errors === before ? { axes, exclude, include } : undefined
}

/** A matrix with its expressions computed. */
function computeMatrix(value: Json, path: Path, reading: StageReading): Json {
  if (typeof value === 'string') {
    const template = reading.expressions.one(value, path, 'matrix')
    if (!template) return null
    try {
      return evaluateTemplate(template, reading.scope) as Json
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error
      const range = reading.shape.document.rangeIn(path, error.start, error.end - error.start)
      reading.shape.collector.error(error.code, range, error.message, { hint: error.hint })
      return null
    }
  }
  if (Array.isArray(value)) return value.map((item, i) => computeMatrix(item as Json, [...path, i], reading))
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, computeMatrix(item, [...path, key], reading)]))
  return value
}
