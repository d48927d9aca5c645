import type { Json } from '../artifacts/types.js'
import { isCollection, type InputPort, type JsonSchema, type KindDefinition, type MemberProvider, type OutputPort, type StageDefinition } from '../plugin/define.js'
import { possibleInputs, possibleOutputs, type PossiblePorts } from '../plugin/possible-ports.js'
import type { Registry } from '../plugin/registry.js'
import { defaultKeys } from './stage.js'

type Schema = { readonly [keyword: string]: unknown }

const expression = { type: 'string', pattern: '\\$\\{\\{', description: 'An expression: ${{ … }}' }
const name = '^[a-z][a-z0-9_-]*$'
const duration = {
  anyOf: [{ type: 'string', pattern: '^(\\d+(\\.\\d+)?\\s*(ms|s|m|h|d)\\s*)+$', patternErrorMessage: 'A duration is wanted: 90s, 15m, 1h30m, or seconds as a number.' }, { type: 'number', minimum: 0 }],
  examples: ['30m', '2h'],
}
const scalar = { type: ['string', 'number', 'boolean'] }

// Without a description: that of the port that it feeds is the one to show.
const reference = { type: 'string', minLength: 1 }
const references = { anyOf: [reference, { type: 'array', items: reference }, { type: 'object', additionalProperties: reference }] }

const settings: Readonly<Record<(typeof defaultKeys)[number], Schema>> = {
  seed: { anyOf: [{ type: 'integer', minimum: 0 }, expression], description: 'Of everything random in the stage; 0 by default.' },
  timeout: { ...duration, description: 'Of each attempt.' },
  retry: {
    anyOf: [
      { type: 'integer', minimum: 1 },
      { type: 'object', properties: { attempts: { type: 'integer', minimum: 1, description: 'All tries together.' }, backoff: { ...duration, description: 'Before the second try; doubles, with jitter.' } }, additionalProperties: false },
    ],
    description: 'How often to try again what is not final.',
  },
  env: {
    anyOf: [{ type: 'object', additionalProperties: scalar }, { type: 'array', items: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' } }],
    description: 'A map of names to values, or a list of names to pass through. Values are in the key.',
  },
  resources: {
    type: 'object',
    properties: {
      cpus: { anyOf: [{ type: 'number', exclusiveMinimum: 0 }, expression], description: 'Cores; 1 by default.' },
      memory: { anyOf: [{ type: 'string', pattern: '^\\d+(\\.\\d+)?\\s*[A-Za-z]*$' }, { type: 'number', minimum: 0 }, expression], examples: ['4GiB'], description: '4GiB, 500MB, or bytes as a number.' },
      gpus: { anyOf: [{ type: 'integer', minimum: 0 }, expression], description: 'GPUs; 0 by default.' },
    },
    additionalProperties: false,
    description: 'What the stage takes of the machine while it runs.',
  },
  cache: { type: 'boolean', description: 'false: runs anew each time.' },
  executor: { type: 'string', description: 'Where the stage runs.' },
  backend: { type: 'string', description: 'The engine that computes; by default the fastest there is.' },
}

/**
 * The JSON Schema (draft 7, which editors read) of pipeline files with the stages of a registry. Its order is that of the ids. `isWhole`: no
 * pipeline has other stages, so that an unknown `uses` is a mistake.
 */
export function pipelineSchema(registry: Registry, { isWhole = false } = {}): JsonSchema {
  const stages = registry.stages.map(stage => stage.definition).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const known: Known = { kinds: new Map(registry.kinds.map(kind => [kind.id, kind])), members: registry.members.map(({ provider }) => provider), isWhole }
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A hone pipeline',
    type: 'object',
    required: ['stages'],
    properties: {
      name: { type: 'string', minLength: 1, description: 'By default the name of the file.' },
      description: { type: 'string', description: 'What the pipeline is for.' },
      fetch: { type: 'string', description: 'The command that gets inputs which are not in the project.' },
      params: { type: 'object', description: 'Typed by their defaults; --set NAME=VALUE changes one.', propertyNames: { pattern: '^[A-Za-z_][A-Za-z0-9_-]*$' } },
      plugins: { type: 'array', items: { type: 'string', minLength: 1 }, description: 'Local files or npm packages with more stages.' },
      defaults: { type: 'object', properties: settings, additionalProperties: false, description: 'For every stage; merged key by key.' },
      stages: { type: 'object', minProperties: 1, propertyNames: { pattern: name }, additionalProperties: { $ref: '#/definitions/stage' }, description: 'Names of stages (a-z, 0-9, _ and -) and what each is. They run as soon as what they take is there; their order says nothing.' },
    },
    patternProperties: { '^x-': {} },
    additionalProperties: false,
    definitions: { stage: stageSchema(stages, known) },
  }
}

/** What there is besides stages. */
interface Known {
  readonly kinds: ReadonlyMap<string, KindDefinition>
  readonly members: readonly MemberProvider[]
  readonly isWhole: boolean
}

/** What a stage does, takes and gives, as an editor shows it beside its name. */
function tell(stage: StageDefinition): string {
  const names = ({ ports }: PossiblePorts<InputPort | OutputPort>) => Object.entries(ports).map(([name, { optional }]) => (optional ? `${name}?` : name)).join(', ') || 'nothing'
  return `${stage.summary}\n\nTakes ${names(possibleInputs(stage))}; gives ${names(possibleOutputs(stage))}.`
}

function stageSchema(stages: readonly StageDefinition[], known: Known): Schema {
  const { isWhole } = known
  const form = isWhole ? `(${stages.map(({ id }) => escaped(id)).join('|')})` : '[a-z0-9_-]+/[a-z0-9_-]+'
  return {
    type: 'object',
    required: ['uses'],
    properties: {
      uses: {
        description: 'kind/name of the stage; kind/name@2 pins its version.',
        type: 'string',
        pattern: `^${form}(@\\d+)?$`,
        patternErrorMessage: isWhole ? 'No plugin of the project has this stage; `hone stages` lists those that there are.' : 'The name of a stage is wanted: kind/name, as `hone stages` lists them.',
        anyOf: [...stages.map(stage => ({ const: stage.id, description: tell(stage) })), { type: 'string' }],
      },
      description: { type: 'string', description: 'What the stage is for.' },
      inputs: { type: ['object', 'null'], additionalProperties: references, description: 'Port → stage, stage.port or stage[axis=value].port; a port that takes many takes a list or a map of labels.' },
      needs: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }], description: 'Stages that must be done before, for order alone.' },
      with: { type: ['object', 'null'], description: 'The parameters of the stage.' },
      matrix: { anyOf: [matrixSchema, expression], description: 'One node a combination.' },
      when: { anyOf: [{ type: 'boolean' }, { type: 'string', minLength: 1 }], description: 'An expression; where it is false the stage is skipped.' },
      publish: { type: 'object', additionalProperties: { type: 'string' }, description: 'Port → path in the project to copy it to.' },
      ...settings,
    },
    additionalProperties: false,
    allOf: stages.map(stage => ({
      if: { properties: { uses: { pattern: `^${escaped(stage.id)}(@\\d+)?$` } }, required: ['uses'] },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { properties: oneStage(stage, stages, known) },
    })),
  }
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')

const matrixSchema = {
  type: 'object',
  properties: {
    include: { anyOf: [{ type: 'array', items: { type: 'object' } }, expression], description: 'Adds values to the combinations that fit, or combinations.' },
    exclude: { anyOf: [{ type: 'array', items: { type: 'object' } }, expression], description: 'Drops the combinations that an entry matches.' },
  },
  propertyNames: { pattern: name },
  additionalProperties: { anyOf: [{ type: 'array', minItems: 1, items: scalar }, expression] },
}

/** What one `uses` says of the other keys. */
function oneStage(stage: StageDefinition, all: readonly StageDefinition[], known: Known): Schema {
  const ports = ({ ports: found, depend }: PossiblePorts<InputPort | OutputPort>, value: Schema) => ({
    type: ['object', 'null'],
    properties: Object.fromEntries(
      Object.entries(found).map(([port, { kind, optional, description }]) => [port, { ...value, description: `${kind.id}${optional ? ' (optional)' : ''}: ${description ?? kind.summary}` }]),
    ),
    additionalProperties: depend ? value : false,
  })
  const own = ports(possibleOutputs(stage), { type: 'string' })
  const foreign = ofSisters(stage, all, Object.keys(own.properties), sister => (typeof sister.outputs === 'function' ? [] : Object.keys(sister.outputs)))
  return {
    with: withSchema(stage, all, known),
    inputs: ports(possibleInputs(stage), references),
    publish: { ...own, properties: { ...own.properties, ...foreign } },
  }
}

/** What a sister stage declares may stay in the file when `uses` changes: no mistake, and not to be offered either. */
function ofSisters(stage: StageDefinition, all: readonly StageDefinition[], own: readonly string[], namesOf: (sister: StageDefinition) => readonly string[]): Record<string, Schema> {
  const kind = `${stage.id.split('/')[0]!}/`
  const foreign: Record<string, Schema> = {}
  for (const other of all) {
    if (!other.id.startsWith(kind) || other === stage) continue
    for (const name of namesOf(other)) if (!own.includes(name)) foreign[name] ??= { description: `Of ${other.id}; ${stage.id} does not have it.`, deprecated: true, doNotSuggest: true }
  }
  return foreign
}

function withSchema(stage: StageDefinition, all: readonly StageDefinition[], known: Known): Schema {
  const schema = stage.params.schema
  const own = (schema.properties as Record<string, JsonSchema> | undefined) ?? {}
  const foreign = ofSisters(stage, all, Object.keys(own), sister => Object.keys((sister.params.schema.properties as object | undefined) ?? {}))
  const { required, ...rest } = forEditors({ ...schema, properties: own }, stage, known, true) as { required?: readonly string[] } & Schema
  return {
    title: stage.id,
    ...rest,
    type: ['object', 'null'],
    properties: { ...(rest.properties as object), ...foreign },
    ...(rest.additionalProperties === undefined && { additionalProperties: false }),
    ...(required?.length && { required }),
  }
}

/** The names that a parameter may give of a collection; others only where another plugin may provide them, or a text may stand for itself. */
function namesProvided(service: string, { services = {} }: StageDefinition, { members, isWhole }: Known): Schema {
  const token = services[service]
  if (!token || !isCollection(token)) return {}
  const own = members.filter(({ token: { name } }) => name === token.name)
  const names = { enum: [...token.known, ...own.map(m => m.name)], ...(own.length > 0 && { enumDescriptions: [...token.known.map(() => ''), ...own.map(m => m.summary)] }) }
  return isWhole && token.literal === undefined ? names : { anyOf: [names, { type: 'string' }] }
}

/** A schema whose values may also be written as `${{ … }}`, with what an editor can show of defaults and kinds. */
function forEditors(schema: JsonSchema, stage: StageDefinition, known: Known, isTop = false): Schema {
  if (typeof schema !== 'object' || schema === null) return schema
  const { kinds } = known
  const { artifact: _, provided, ...rest } = schema
  const inner: Record<string, unknown> = { ...rest, ...(typeof provided === 'string' && namesProvided(provided, stage, known)) }
  if (schema.properties) inner.properties = Object.fromEntries(Object.entries(schema.properties as Record<string, JsonSchema>).map(([key, property]) => [key, forEditors(property, stage, known)]))
  for (const keyword of ['items', 'additionalProperties'] as const) if (typeof schema[keyword] === 'object') inner[keyword] = forEditors(schema[keyword] as JsonSchema, stage, known)
  if (Array.isArray(schema.enum) && schema.enum.every(id => kinds.has(String(id)))) inner.enumDescriptions = schema.enum.map(id => kinds.get(String(id))!.summary)
  if (schema.default !== undefined && typeof schema.description === 'string') inner.description = `${schema.description} Default: ${JSON.stringify(schema.default)}.`
  const takesText = schema.type === 'string' && !['enum', 'const', 'pattern', 'format', 'maxLength'].some(keyword => keyword in schema)
  if (isTop || takesText || Object.keys(schema).length === 0) return inner
  const { description, default: fallback, ...constraints } = inner
  return { ...(description !== undefined && { description }), ...(fallback !== undefined && { default: fallback as Json }), anyOf: [constraints, expression] }
}
