import { basename } from 'node:path'
import type { JsonObject } from '../artifacts/types.js'
import { Collector } from '../diagnostics/collector.js'
import type { Result } from '../diagnostics/result.js'
import { readRemembered } from './remembered.js'
import { ExpressionCheck } from './expression-check.js'
import type { Located, Pipeline, StageSource } from './pipeline.js'
import { overrideParams, type ParamOverrides } from './pipeline-params.js'
import { Shape } from './shape.js'
import { defaultKeys, readSettings, readStage, stageKeys, type StageReading } from './stage.js'

export interface ParseOptions extends ParamOverrides {
  /** Absolute; shown in messages. */
  readonly file: string
  readonly text: string
  readonly projectRoot: string
  /** What `env.NAME` reads. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** A file of the store that keeps what the text was read as, so that the same text is not parsed again. */
  readonly memory?: string
}

/** With mistakes there may still be a `partial` pipeline: good for `resolveGraph` to find the mistakes in the rest, and for nothing else. */
export type ParseResult = Result<Pipeline> & { readonly partial?: Pipeline }

const topKeys = ['name', 'description', 'fetch', 'params', 'plugins', 'defaults', 'stages']
const paramPattern = /^[A-Za-z_][A-Za-z0-9_-]*$/

/** Reads a pipeline file: YAML, its shape, its expressions. All mistakes that need no plugin to be seen are collected. */
export function parsePipeline(options: ParseOptions): ParseResult {
  const collector = new Collector()
  const document = readRemembered(options.file, options.text, collector, options.memory)
  if (!document) return { ok: false, diagnostics: collector.diagnostics }
  const shape = new Shape(document, collector)
  if (document.value === null) {
    shape.error('missing-key', [], 'The file is empty.', 'A pipeline has `stages:`; `hone init` writes one to start from.')
    return { ok: false, diagnostics: collector.diagnostics }
  }
  const isMap = typeof document.value === 'object' && !Array.isArray(document.value)
  const top = shape.map(document.value, [], 'a map with `stages:`')
  const known = Object.fromEntries(Object.entries(top).filter(([key]) => !key.startsWith('x-')))
  const isStage = (key: string) => typeof top[key] === 'object' && top[key] !== null && 'uses' in (top[key] as object)
  shape.record(known, [], topKeys, key => {
    if (isStage(key)) return 'Indent it: stages stand further in, below `stages:`.'
    return /^[a-z][a-z0-9_-]*$/.test(key) ? 'Stages stand under `stages:`; keys that begin with x- are ignored.' : undefined
  })
  const name = shape.string(top.name, ['name']) ?? basename(options.file).replace(/\.ya?ml$/, '')
  const description = shape.string(top.description, ['description'])
  const fetch = shape.string(top.fetch, ['fetch'])
  const defaults = readParams(top, shape)
  const params = overrideParams(defaults, options, collector)
  const expressions = new ExpressionCheck(document, collector, params)
  for (const key of ['name', 'params', 'plugins'] as const) expressions.none(top[key], [key])
  const reading: StageReading = { shape, expressions, scope: matrixScope(params, options.env) }
  const common = readSettings(shape.record(top.defaults, ['defaults'], defaultKeys, () => 'Parameters stand under `with:` of each stage.'), ['defaults'], reading)
  const stages: StageSource[] = []
  const unread: string[] = []
  const written = shape.map(top.stages, ['stages'], 'a map of names to stages', 'Write each as NAME: { uses: … }, without a dash before it.')
  const beside = keysBeside(written)
  if (beside) shape.error('unknown-key', ['stages', beside.keys[0]!], `"${beside.keys[0]}" stands beside the stage "${beside.of}", not in it.`, `Indent what belongs to it below ${beside.of}: by two more spaces.`, 'key')
  for (const [id, value] of Object.entries(written)) {
    if (beside?.keys.includes(id)) continue
    if (beside?.of === id) {
      unread.push(id)
      continue
    }
    const stage = readStage(id, value, common, reading)
    if (stage) stages.push(stage)
    else unread.push(id)
  }
  if (isMap && top.stages === undefined) shape.error('missing-key', [], 'The file has no "stages".', 'Every pipeline has `stages:` with at least one stage.')
  else if (isMap && stages.length === 0 && collector.errors === 0) shape.error('missing-key', ['stages'], '"stages" is empty.', 'A pipeline has at least one stage.', 'key')
  const plugins = shape.list(top.plugins, ['plugins']).flatMap((plugin, i): Located<string>[] => {
    const value = shape.string(plugin, ['plugins', i])
    return value === undefined ? [] : [{ value, range: document.rangeOf(['plugins', i]) }]
  })
  const pipeline: Pipeline = {
    name,
    ...(description !== undefined && { description }),
    ...(fetch !== undefined && { fetch }),
    file: options.file,
    projectRoot: options.projectRoot,
    text: options.text,
    params,
    plugins,
    stages,
    ...(unread.length > 0 && { unread }),
    env: options.env,
    // What a stage has from `defaults:` stands there.
    rangeOf: (path, which) => {
      const [top, , ...rest] = path
      const fromDefaults = top === 'stages' && rest.length > 0 && !document.has(path.slice(0, 3)) && document.has(['defaults', rest[0]!])
      return document.rangeOf(fromDefaults ? ['defaults', ...rest] : path, which)
    },
    rangeIn: (path, start, length) => {
      const [top, , ...rest] = path
      const fromDefaults = top === 'stages' && rest.length > 0 && !document.has(path) && document.has(['defaults', ...rest])
      return document.rangeIn(fromDefaults ? ['defaults', ...rest] : path, start, length)
    },
  }
  return collector.errors > 0 ? { ok: false, diagnostics: collector.diagnostics, partial: pipeline } : { ok: true, value: pipeline, diagnostics: collector.diagnostics }
}

/** Keys of a stage that stand where stages do, after one that is empty. */
function keysBeside(stages: JsonObject): { readonly of: string; readonly keys: readonly string[] } | undefined {
  const ids = Object.keys(stages)
  const isStage = (id: string) => typeof stages[id] === 'object' && stages[id] !== null && 'uses' in stages[id]
  const keys = ids.filter(id => (stageKeys as readonly string[]).includes(id) && !isStage(id))
  const of = keys.includes('uses') ? ids[ids.indexOf(keys[0]!) - 1] : undefined
  return of !== undefined && stages[of] === null ? { of, keys } : undefined
}

function readParams(top: JsonObject, shape: Shape): JsonObject {
  const params = shape.map(top.params, ['params'], 'a map of names to defaults', 'Write each as NAME: default, without a dash before it.')
  for (const name of Object.keys(params)) {
    if (!paramPattern.test(name)) shape.error('bad-id', ['params', name], `"${name}" cannot name a parameter.`, 'Names are made of letters, digits, _ and -, and begin with a letter.', 'key')
  }
  return params
}

function matrixScope(params: JsonObject, env: Readonly<Record<string, string | undefined>>) {
  const never = () => {
    throw new Error('Internal: a matrix reads params and env alone')
  }
  return { params, matrix: {}, env: (name: string) => env[name] ?? null, secret: never, digest: never, metric: never }
}
