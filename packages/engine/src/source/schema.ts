import type { Json } from '../artifacts/types.js'
import type { InputPorts, JsonSchema, OutputPorts, StageDefinition } from '../plugin/define.js'
import type { Registry } from '../plugin/registry.js'
import { defaultKeys } from './stage.js'

type Schema = { readonly [keyword: string]: unknown }

const expression = { type: 'string', pattern: '\\$\\{\\{', description: 'An expression: ${{ … }}' }
const name = '^[a-z][a-z0-9_-]*$'
const duration = { anyOf: [{ type: 'string', pattern: '^(\\d+(\\.\\d+)?\\s*(ms|s|m|h|d)\\s*)+$' }, { type: 'number', minimum: 0 }], examples: ['30m', '2h'] }
const scalar = { type: ['string', 'number', 'boolean'] }

const reference = { type: 'string', minLength: 1, description: 'stage, stage.port or stage[axis=value].port' }
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
      cpus: { anyOf: [{ type: 'number', exclusiveMinimum: 0 }, expression] },
      memory: { anyOf: [{ type: 'string', pattern: '^\\d+(\\.\\d+)?\\s*[A-Za-z]*$' }, { type: 'number', minimum: 0 }, expression], examples: ['4GiB'] },
      gpus: { anyOf: [{ type: 'integer', minimum: 0 }, expression] },
    },
    additionalProperties: false,
    description: 'What the stage takes of the machine while it runs.',
  },
  cache: { type: 'boolean', description: 'false: runs anew each time.' },
  executor: { type: 'string', description: 'Where the stage runs.' },
  backend: { type: 'string', description: 'The engine that computes; by default the fastest there is.' },
}

/** The JSON Schema (draft 7, which editors read) of pipeline files with the stages of a registry. Its order is that of the ids. */
export function pipelineSchema(registry: Registry): JsonSchema {
  const stages = registry.stages.map(stage => stage.definition).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A hone pipeline',
    type: 'object',
    required: ['stages'],
    properties: {
      name: { type: 'string', minLength: 1 },
      description: { type: 'string' },
      fetch: { type: 'string', description: 'The command that gets inputs which are not in the project.' },
      params: { type: 'object', description: 'Typed by their defaults; --set NAME=VALUE changes one.', propertyNames: { pattern: '^[A-Za-z_][A-Za-z0-9_-]*$' } },
      plugins: { type: 'array', items: { type: 'string', minLength: 1 }, description: 'Local files or npm packages with more stages.' },
      defaults: { type: 'object', properties: settings, additionalProperties: false, description: 'For every stage; merged key by key.' },
      stages: { type: 'object', minProperties: 1, propertyNames: { pattern: name }, additionalProperties: { $ref: '#/definitions/stage' } },
    },
    patternProperties: { '^x-': {} },
    additionalProperties: false,
    definitions: { stage: stageSchema(stages) },
  }
}

function stageSchema(stages: readonly StageDefinition[]): Schema {
  return {
    type: 'object',
    required: ['uses'],
    properties: {
      uses: {
        description: 'kind/name of the stage; kind/name@2 pins its version.',
        anyOf: [
          ...stages.map(({ id, summary }) => ({ const: id, description: summary })),
          { type: 'string', pattern: '^[a-z0-9_-]+/[a-z0-9_-]+(@\\d+)?$', description: 'A stage of a plugin.' },
        ],
      },
      description: { type: 'string' },
      inputs: { type: ['object', 'null'], additionalProperties: references, description: 'Port → stage or stage.port.' },
      needs: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }], description: 'Stages that must be done before, for order alone.' },
      with: { type: ['object', 'null'], description: 'The parameters of the stage.' },
      matrix: { anyOf: [matrixSchema, expression], description: 'One node a combination.' },
      when: { anyOf: [{ type: 'boolean' }, { type: 'string', minLength: 1 }], description: 'An expression; where it is false the stage is skipped.' },
      publish: { type: 'object', additionalProperties: { type: 'string' }, description: 'Port → path in the project to copy it to.' },
      ...settings,
    },
    additionalProperties: false,
    allOf: stages.map(stage => ({
      if: { properties: { uses: { pattern: `^${stage.id.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}(@\\d+)?$` } }, required: ['uses'] },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { properties: oneStage(stage, stages) },
    })),
  }
}

const matrixSchema = {
  type: 'object',
  properties: {
    include: { anyOf: [{ type: 'array', items: { type: 'object' } }, expression] },
    exclude: { anyOf: [{ type: 'array', items: { type: 'object' } }, expression] },
  },
  propertyNames: { pattern: name },
  additionalProperties: { anyOf: [{ type: 'array', minItems: 1, items: scalar }, expression] },
}

/** What one `uses` says of the other keys. */
function oneStage(stage: StageDefinition, all: readonly StageDefinition[]): Schema {
  const ports = (map: InputPorts | OutputPorts, value: Schema) => ({
    type: ['object', 'null'],
    properties: Object.fromEntries(Object.entries(map).map(([port, { kind, description }]) => [port, { ...value, description: `${kind.id}${description === undefined ? '' : `: ${description}`}` }])),
    additionalProperties: false,
  })
  return {
    with: withSchema(stage, all),
    ...(typeof stage.inputs !== 'function' && { inputs: ports(stage.inputs, references) }),
    ...(typeof stage.outputs !== 'function' && { publish: ports(stage.outputs, { type: 'string' }) }),
  }
}

function withSchema(stage: StageDefinition, all: readonly StageDefinition[]): Schema {
  const schema = stage.params.schema
  const own = (schema.properties as Record<string, JsonSchema> | undefined) ?? {}
  const kind = stage.id.split('/')[0]!
  // What a sister stage declares may stay in the file when `uses` changes: no mistake, and not to be offered either.
  const foreign: Record<string, Schema> = {}
  for (const other of all) {
    if (!other.id.startsWith(`${kind}/`) || other === stage) continue
    for (const key of Object.keys((other.params.schema.properties as object | undefined) ?? {})) {
      if (!(key in own)) foreign[key] ??= { description: `Of ${other.id}; ${stage.id} does not take it.`, deprecated: true, doNotSuggest: true }
    }
  }
  const { required, ...rest } = withExpressions({ ...schema, properties: own }, true) as { required?: readonly string[] } & Schema
  return {
    ...rest,
    type: ['object', 'null'],
    properties: { ...(rest.properties as object), ...foreign },
    ...(rest.additionalProperties === undefined && { additionalProperties: false }),
    ...(required?.length && { required }),
  }
}

/** A schema whose values may also be written as `${{ … }}`. */
function withExpressions(schema: JsonSchema, isTop = false): Schema {
  if (typeof schema !== 'object' || schema === null) return schema
  const { artifact: _, ...rest } = schema
  const inner: Record<string, unknown> = { ...rest }
  if (schema.properties) inner.properties = Object.fromEntries(Object.entries(schema.properties as Record<string, JsonSchema>).map(([key, property]) => [key, withExpressions(property)]))
  for (const keyword of ['items', 'additionalProperties'] as const) if (typeof schema[keyword] === 'object') inner[keyword] = withExpressions(schema[keyword] as JsonSchema)
  const takesText = schema.type === 'string' && !['enum', 'const', 'pattern', 'format', 'maxLength'].some(keyword => keyword in schema)
  if (isTop || takesText || Object.keys(schema).length === 0) return inner
  const { description, default: fallback, ...constraints } = inner
  return { ...(description !== undefined && { description }), ...(fallback !== undefined && { default: fallback as Json }), anyOf: [constraints, expression] }
}
