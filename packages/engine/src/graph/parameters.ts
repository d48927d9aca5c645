import type { Ajv2020 } from 'ajv/dist/2020.js'
import type { ErrorObject, ValidateFunction } from 'ajv'
import { digestOfJson } from '../artifacts/digest.js'
import type { Json } from '../artifacts/types.js'
import { compiledBefore } from '../plugin/compiled-schema.js'
import { loadAjv, loadStandalone } from '../plugin/json-schema.js'
import { keepValidator, keptValidator } from '../plugin/kept-validator.js'
import type { ArtifactKeyword, JsonSchema, ProvidedKeyword, StageDefinition } from '../plugin/define.js'
import { escapePart } from './schema-errors.js'

/** What a parameter names, by the `artifact` keyword of its schema. */
export interface NamedParameter {
  readonly port: string
  readonly glob: boolean
  /** JSON pointer below `with`, with its leading slash. */
  readonly pointer: string
  readonly reference: string
  readonly keyed?: boolean
}

let sharedAjv: Ajv2020 | undefined

// Plugins' schemas were checked when they were loaded; compiling the schema of schemas would take longer than all else in a small plan.
const options = { meta: false, validateSchema: false, allErrors: true, useDefaults: true, verbose: true, strict: false, validateFormats: false, logger: false, addUsedSchema: false } as const
/** Keywords that are ours, and nothing to ajv. */
const ours = ['artifact', 'provided'] as const

function ajv(): Ajv2020 {
  // With the source of what it makes, which may be kept.
  return (sharedAjv ??= makeAjv({ code: { source: true } }))
}

function makeAjv(more: object): Ajv2020 {
  const made = new (loadAjv())({ ...options, ...more })
  for (const keyword of ours) made.addKeyword(keyword)
  return made
}

/** The schema of a stage's or a command's parameters, compiled once for all pipelines and nodes. */
export class ParameterSchema {
  static readonly #all = new WeakMap<Pick<StageDefinition, 'params'>, ParameterSchema>()

  static of(definition: Pick<StageDefinition, 'params'>): ParameterSchema {
    let schema = ParameterSchema.#all.get(definition)
    if (!schema) ParameterSchema.#all.set(definition, (schema = new ParameterSchema(definition)))
    return schema
  }

  readonly #definition: Pick<StageDefinition, 'params'>
  readonly #schema: JsonSchema
  /** Those of ours that may stand in it: the values of a thousand nodes need not be walked for others. */
  readonly #marks: ReadonlySet<'artifact' | 'provided'>
  #validate: ValidateFunction | undefined

  private constructor(definition: Pick<StageDefinition, 'params'>) {
    const { schema } = definition.params
    const { properties = {} } = schema
    this.#definition = definition
    this.#schema = closed({ type: 'object', ...schema, properties })
    const text = JSON.stringify(schema)
    this.#marks = new Set(ours.filter(keyword => text.includes(`"${keyword}"`)))
  }

  /** The names that it declares; undefined where any name will do. */
  get declared(): ReadonlySet<string> | undefined {
    return this.#schema.additionalProperties === false && this.#schema.patternProperties === undefined ? new Set(this.properties.keys()) : undefined
  }

  get properties(): ReadonlyMap<string, JsonSchema> {
    return new Map(Object.entries((this.#schema.properties as Record<string, JsonSchema> | undefined) ?? {}))
  }

  /** ajv's errors. Sets defaults in `value`. Throws where the schema itself is wrong. */
  errors(value: Json): readonly ErrorObject[] {
    this.#validate ??= compiledBefore(this.#definition, this.#schema) ?? keptValidator(this.#schema) ?? this.#compile()
    return this.#validate(value) ? [] : [...(this.#validate.errors ?? [])]
  }

  #compile(): ValidateFunction {
    const validate = ajv().compile(this.#schema)
    keepValidator(this.#schema, () => loadStandalone()(ajv(), validate))
    return validate
  }

  /** A module that checks as `errors` does, for a build to leave beside a plugin. `standalone` is ajv's own. */
  compiled(standalone: (ajv: Ajv2020, validate: ValidateFunction) => string): string {
    const own = makeAjv({ code: { source: true } })
    return `${standalone(own, own.compile(this.#schema))}\nmodule.exports = { validate: module.exports, digest: ${JSON.stringify(digestOfJson(this.#schema as Json))} }\n`
  }

  /** Everything that `value` names, in its order. */
  artifacts(value: Json): readonly NamedParameter[] {
    if (!this.#marks.has('artifact')) return []
    const found = new Map<string, NamedParameter>()
    collect('artifact', this.#schema, value, '', this.#schema, (mark, reference, pointer) => {
      const { port, glob = false, keyed } = mark as ArtifactKeyword
      found.set(pointer, { port, glob, pointer, reference, ...(keyed !== undefined && { keyed }) })
    })
    return [...found.values()]
  }

  /** Everything of collections that `value` names, in its order, each once. */
  provided(value: Json): readonly { readonly service: string; readonly name: string; readonly pointer: string }[] {
    if (!this.#marks.has('provided')) return []
    const found = new Map<string, { service: string; name: string; pointer: string }>()
    collect('provided', this.#schema, value, '', this.#schema, (mark, name, pointer) => {
      const service = mark as ProvidedKeyword
      if (!found.has(`${service} ${name}`)) found.set(`${service} ${name}`, { service, name, pointer })
    })
    return [...found.values()]
  }
}

/**
 * Objects that list their properties take no others, unless the schema says so. What is put together from several schemas is left
 * alone: one cannot see the properties of the other.
 */
function closed(schema: JsonSchema): JsonSchema {
  const properties = schema.properties as Record<string, JsonSchema> | undefined
  const items = schema.items as JsonSchema | undefined
  const isOpen = ['additionalProperties', 'unevaluatedProperties', 'patternProperties', 'allOf', 'anyOf', 'oneOf', 'if', '$ref'].some(keyword => keyword in schema)
  return {
    ...schema,
    ...(properties && { properties: Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, typeof property === 'object' ? closed(property) : property])) }),
    ...(items && typeof items === 'object' && { items: closed(items) }),
    ...(properties && !isOpen && { additionalProperties: false }),
  }
}

type Mark = (mark: unknown, text: string, pointer: string) => void

/** Tells of every text in `value` that stands, alone or in a list, where the schema has the keyword. */
function collect(keyword: 'artifact' | 'provided', schema: JsonSchema | boolean | undefined, value: Json | undefined, pointer: string, root: JsonSchema, tell: Mark): void {
  if (typeof schema !== 'object' || schema === null || value === undefined || value === null) return
  const { properties, additionalProperties, items, prefixItems, $ref } = schema as {
    properties?: Record<string, JsonSchema>; additionalProperties?: JsonSchema; items?: JsonSchema; prefixItems?: JsonSchema[]; $ref?: string
  }
  const inside = (part: JsonSchema | undefined, item: Json | undefined, at: string) => collect(keyword, part, item, at, root, tell)
  const mark = schema[keyword]
  if (typeof $ref === 'string' && $ref.startsWith('#/$defs/')) inside((root.$defs as Record<string, JsonSchema> | undefined)?.[$ref.slice(8)], value, pointer)
  for (const several of ['anyOf', 'oneOf', 'allOf']) for (const branch of (schema[several] as JsonSchema[] | undefined) ?? []) inside(branch, value, pointer)
  if (typeof value === 'string') {
    if (mark !== undefined) tell(mark, value, pointer)
  } else if (Array.isArray(value)) {
    for (const [i, item] of (value as readonly Json[]).entries()) {
      if (typeof item === 'string' && mark !== undefined) tell(mark, item, `${pointer}/${i}`)
      inside(prefixItems?.[i] ?? items, item, `${pointer}/${i}`)
    }
  } else if (typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) inside(properties?.[key] ?? additionalProperties, item, `${pointer}/${escapePart(key)}`)
  }
}
