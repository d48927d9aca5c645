import type { Json, JsonObject } from '../artifacts/types.js'
import type { InputPort, InputPorts, JsonSchema, OutputPort, OutputPorts, StageDefinition } from './define.js'

/** The ports that a stage may have, for those who write a pipeline and have no parameters yet. */
export interface PossiblePorts<P> {
  readonly ports: Readonly<Record<string, P>>
  /** Whether parameters, or what the file gives, decide which of them there are, and perhaps others. */
  readonly depend: boolean
}

/** Where a function gives them: those for the defaults, and those that each parameter brings when it is given by itself. */
export function possibleInputs({ inputs, params }: StageDefinition): PossiblePorts<InputPort> {
  if (typeof inputs !== 'function') return { ports: inputs, depend: false }
  return { ports: union<InputPort>(params.schema, given => inputs(given, [], {}) as InputPorts), depend: true }
}

export function possibleOutputs({ outputs, params }: StageDefinition): PossiblePorts<OutputPort> {
  if (typeof outputs !== 'function') return { ports: outputs, depend: false }
  return { ports: union<OutputPort>(params.schema, given => outputs(given) as OutputPorts), depend: true }
}

function union<P>(schema: JsonSchema, portsFor: (params: JsonObject) => Readonly<Record<string, P>>): Record<string, P> {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>)
  const defaults = Object.fromEntries(properties.flatMap(([name, p]) => (p.default === undefined ? [] : [[name, p.default as Json]])))
  const found: Record<string, P> = {}
  for (const more of [{}, ...properties.map(([name, p]) => ({ [name]: sampleOf(p) }))]) {
    try {
      for (const [name, port] of Object.entries(portsFor({ ...defaults, ...more }))) found[name] ??= port
    } catch {
      // It asks more of its parameters than these have.
    }
  }
  return found
}

/** Any value that a parameter may have. */
export function sampleOf(schema: JsonSchema): Json {
  if (Array.isArray(schema.enum)) return schema.enum[0] as Json
  if (Array.isArray(schema.anyOf)) return sampleOf(schema.anyOf[0] as JsonSchema)
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'number':
    case 'integer':
      return 1
    case 'boolean':
      return true
    case 'array':
      return []
    case 'object':
      return {}
    default:
      return 'x'
  }
}
