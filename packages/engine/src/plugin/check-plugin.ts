import type { Code } from '../diagnostics/codes.js'
import { didYouMean } from '../diagnostics/suggestion.js'
import { determinismFault, portFaults } from './declared.js'
import { isCollection, isMember, type CommandDefinition, type KindDefinition, type MemberProvider, type PluginDefinition, type ServiceProvider, type StageDefinition } from './define.js'
import { loadAjv } from './json-schema.js'

/** What is wrong with what a plugin's module exports. */
export interface PluginProblem {
  readonly code: Code
  readonly message: string
  readonly hint?: string
}

/** What is wrong, and what to do where that can be told. */
type Wrong = string | { readonly message: string; readonly hint: string | undefined }

const id = /^[a-z][a-z0-9_-]*\/[a-z][a-z0-9_-]*$/
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Everything that keeps a plugin from being used; none when it is a PluginDefinition in fact. Defaults of stages are looked at unless told. */
export function checkPlugin(value: unknown, name: string, { withDefaults = true } = {}): PluginProblem[] {
  if (!isObject(value) || typeof value['name'] !== 'string')
    return [{ code: 'plugin-fault', message: `${name} has no plugin as its default export`, hint: 'End the file with: export default definePlugin({ name, api: 1, stages: [...] })' }]
  if (value['api'] === undefined) return [{ code: 'plugin-api', message: `${name} does not say for which API it is written`, hint: 'Write api: 1 beside its name.' }]
  if (value['api'] !== 1)
    return [{ code: 'plugin-api', message: `${name} is written for plugin API ${JSON.stringify(value['api'])}; this is API 1`, hint: 'Use a version of the plugin for API 1.' }]
  const plugin = value as unknown as PluginDefinition
  const problems: PluginProblem[] = []
  const fault = (wrong: Wrong, more?: string) => {
    const { message, hint = more } = typeof wrong === 'string' ? { message: wrong } : wrong
    problems.push({ code: 'plugin-fault', message: `${name}: ${message}`, ...(hint && { hint }) })
  }
  for (const key of ['stages', 'kinds', 'provides', 'commands'] as const) if (plugin[key] !== undefined && !Array.isArray(plugin[key])) fault(`"${key}" must be a list`)
  if (problems.length > 0) return problems
  const seen = new Set<string>()
  for (const stage of plugin.stages ?? []) {
    if (!isObject(stage) || typeof stage.id !== 'string' || !id.test(stage.id)) {
      fault(`a stage has the id ${JSON.stringify((stage as StageDefinition | undefined)?.id)}`, 'An id is kind/name in small letters: ingest/notion.')
      continue
    }
    if (seen.has(stage.id)) fault(`the stage ${stage.id} stands twice in "stages"`)
    seen.add(stage.id)
    for (const wrong of stageFaults(stage)) fault(typeof wrong === 'string' ? `stage ${stage.id}: ${wrong}` : { ...wrong, message: `stage ${stage.id}: ${wrong.message}` })
    const { refused, hint, defaults = [] } = lookAtSchema(stage.params)
    if (refused) problems.push({ code: 'plugin-schema', message: `${name}: the schema of ${stage.id}'s parameters is refused: ${refused}`, ...(hint && { hint }) })
    for (const { parameter, value, why } of withDefaults ? defaults : []) fault(`stage ${stage.id}: the default of "${parameter}", ${value}, is refused by its own schema: ${why}`, 'Give it a default that its schema takes, or none.')
  }
  for (const provider of plugin.provides ?? []) for (const wrong of providerFaults(provider)) fault(wrong)
  for (const command of plugin.commands ?? []) for (const wrong of commandFaults(command)) fault(wrong)
  for (const kind of plugin.kinds ?? []) for (const wrong of kindFaults(kind)) fault(wrong)
  return problems
}

const stageKeys = {
  id: true, version: true, summary: true, params: true, inputs: true, outputs: true, services: true, determinism: true, resumable: true, extends: true, light: true, resources: true,
  check: true, probe: true, engine: true, example: true, run: true,
} satisfies Record<keyof StageDefinition, true>

function* stageFaults(stage: StageDefinition): Generator<Wrong> {
  for (const key of Object.keys(stage)) if (!Object.hasOwn(stageKeys, key)) yield { message: `"${key}" is no key of a stage`, hint: didYouMean(key, Object.keys(stageKeys)) }
  if (!Number.isInteger(stage.version)) yield '"version" must be a whole number'
  if (typeof stage.summary !== 'string') yield '"summary" must be a sentence'
  if (typeof stage.run !== 'function') yield '"run" must be a function that imports the module whose default export runs'
  const { extends: extended = [], params } = stage
  if (!Array.isArray(extended)) yield '"extends" must list parameters'
  else for (const name of extended) if (!isObject(params?.schema?.['properties']) || !Object.hasOwn(params.schema['properties'], String(name))) yield `"extends" names ${JSON.stringify(name)}, which is no parameter`
  if (stage.probe !== undefined && typeof stage.probe !== 'function') yield '"probe" must be a function that answers what the outside data is at'
  for (const key of ['check', 'resources', 'engine'] as const) if (stage[key] !== undefined && typeof stage[key] !== 'function') yield `"${key}" must be a function`
  for (const key of ['light', 'resumable'] as const) if (stage[key] !== undefined && typeof stage[key] !== 'boolean') yield `"${key}" must be true or false; got ${JSON.stringify(stage[key])}`
  for (const side of ['inputs', 'outputs'] as const) if (typeof stage[side] !== 'function') yield* portFaults(side, stage[side])
  const wrong = typeof stage.determinism === 'function' ? undefined : determinismFault(stage.determinism)
  if (wrong !== undefined) yield wrong
}

function* kindFaults(kind: KindDefinition): Generator<string> {
  if (!isObject(kind) || typeof kind.id !== 'string') yield 'a kind has no id'
  else if (kind.form !== 'file' && kind.form !== 'folder') yield `kind ${kind.id}: "form" must be 'file' or 'folder'`
}

const plainName = /^[a-z][a-z0-9_-]*$/

function* providerFaults(provider: ServiceProvider | MemberProvider): Generator<string> {
  if (!isObject(provider) || !isObject(provider.token) || typeof provider.token.id !== 'symbol') yield 'each of "provides" must be { token, … }, with a token of defineService or of defineCollection'
  else if (!isCollection(provider.token)) {
    if (typeof (provider as ServiceProvider).create !== 'function') yield `the service ${provider.token.name} has no function "create"`
  } else if (!isMember(provider) || typeof provider.name !== 'string' || !plainName.test(provider.name)) yield `each ${provider.token.name} must be { token, name, summary, load }, with a name of a-z, 0-9, _ and -`
  else if (typeof provider.load !== 'function') yield `the ${provider.token.name} ${provider.name} has no function "load" that imports the module whose default export it is`
}

/** Options that every command has. */
const ownOptions: readonly string[] = ['json', 'help']

function* commandFaults(command: CommandDefinition): Generator<Wrong> {
  if (!isObject(command) || typeof command.name !== 'string' || !plainName.test(command.name)) return yield 'each of "commands" must have a name of a-z, 0-9, _ and -'
  if (typeof command.summary !== 'string') yield `the command ${command.name} has no "summary"`
  if (typeof command.run !== 'function') yield `the command ${command.name} has no function "run" that imports the module whose default export runs`
  const { refused, hint, defaults = [] } = lookAtSchema(command.params)
  if (refused) yield { message: `the schema of the command ${command.name} is refused: ${refused}`, hint }
  const flags = Object.keys(propertiesOf(command.params?.schema)).map(option => option.replaceAll('_', '-'))
  for (const [i, flag] of flags.entries()) {
    if (ownOptions.includes(flag)) yield { message: `the command ${command.name} has an option "${flag}", which is one of every command`, hint: `Give it another name than ${ownOptions.join(' and ')}.` }
    else if (flags.indexOf(flag) < i) yield `the command ${command.name} has two options --${flag}`
  }
  for (const { parameter, value, why } of defaults) yield `the command ${command.name}: the default of "${parameter}", ${value}, is refused by its own schema: ${why}`
}

interface RefusedDefault {
  readonly parameter: string
  readonly value: string
  readonly why: string
}

/** The schema of `params` as ajv sees it. */
function lookAtSchema(params: unknown): { readonly refused?: string; readonly hint?: string; readonly defaults?: readonly RefusedDefault[] } {
  const schema = isObject(params) ? params['schema'] : undefined
  if (!isObject(schema) || schema['type'] !== 'object') {
    const isBare = isObject(params) && schema === undefined && ('type' in params || 'properties' in params)
    return { refused: 'it must be a JSON Schema with type: object', ...(isBare && { hint: "Write it as params: params({ type: 'object', … }), with `params` of hone-engine." }) }
  }
  try {
    const Ajv = loadAjv()
    const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, useDefaults: true, allErrors: true, verbose: true, logger: false, keywords: ['artifact', 'provided'] })
    if (!ajv.validateSchema(schema)) {
      // Of a value that is none of those that it may be, other branches only say that it is none of another type.
      const error = ajv.errors?.find(e => e.keyword === 'enum') ?? ajv.errors?.[0]
      return { refused: error ? `${error.instancePath.slice(1).replaceAll('/', '.')} ${expected(error)}` : 'it is none' }
    }
    const validate = ajv.compile(schema)
    // Nothing is given, so that what it refuses was left out or is a default.
    if (validate(emptyMaps(schema))) return {}
    const refused = new Map<string, RefusedDefault>()
    for (const error of validate.errors ?? []) {
      const found = defaultAt(schema, error.instancePath.split('/').slice(1))
      if (found && !refused.has(found.parameter)) refused.set(found.parameter, { ...found, why: expected(error, false) })
    }
    return { defaults: [...refused.values()] }
  } catch (error) {
    return { refused: (error as Error).message }
  }
}

/** What an error of ajv asks for: it does not itself say which values may stand, nor which does. */
function expected({ keyword, message = '', params, data }: { keyword: string; message?: string; params: Record<string, unknown>; data?: unknown }, withData = true): string {
  const allowed = keyword === 'enum' ? (params['allowedValues'] as unknown[]).map(value => JSON.stringify(value)) : undefined
  return `${allowed ? `must be ${allowed.length > 1 ? `${allowed.slice(0, -1).join(', ')} or ` : ''}${allowed.at(-1)}` : message}${withData ? `; got ${JSON.stringify(data)}` : ''}`
}

const propertiesOf = (schema: unknown): Record<string, unknown> => (isObject(schema) && isObject(schema['properties']) ? schema['properties'] : {})

/** An empty map, and in it one for each parameter that is a map with parameters of its own: there their defaults go. */
function emptyMaps(schema: unknown): Record<string, unknown> {
  const maps = Object.entries(propertiesOf(schema)).filter(([, part]) => isObject(part) && !('default' in part) && isObject(part['properties']))
  return Object.fromEntries(maps.map(([name, part]) => [name, emptyMaps(part)]))
}

/** The default that a value of the path comes from. */
function defaultAt(schema: unknown, path: readonly string[]): Omit<RefusedDefault, 'why'> | undefined {
  let part = schema
  for (const [i, name] of path.entries()) {
    part = propertiesOf(part)[name]
    if (isObject(part) && 'default' in part) return { parameter: path.slice(0, i + 1).join('.'), value: JSON.stringify(part['default']) }
  }
  return undefined
}
