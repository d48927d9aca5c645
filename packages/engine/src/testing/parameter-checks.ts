import { loadYaml } from '../source/yaml.js'
import type { Json, JsonObject } from '../artifacts/types.js'
import { ParameterSchema } from '../graph/parameters.js'
import { schemaProblems } from '../graph/schema-errors.js'
import type { CheckContext, JsonSchema, StageDefinition, StageProblem } from '../plugin/define.js'
import { parameterProblems, type StageSetting } from './setting.js'

/** What is wrong with a stage's parameters as its schema describes them; each answers a sentence, or undefined. */

export function wrongDefault(stage: StageDefinition): string | undefined {
  const wrong = schemaProblems(ParameterSchema.of(stage).errors({})).filter(p => p.keyword !== 'required')
  return wrong.length > 0 ? `a default is refused by the schema itself: ${wrong.map(p => p.message).join('; ')}` : undefined
}

export function wrongExample(stage: StageDefinition): string | undefined {
  let example: unknown
  try {
    example = loadYaml().parse(stage.example ?? '')
  } catch (error) {
    return `the example is not YAML: ${(error as Error).message.split('\n')[0]}`
  }
  if (typeof example !== 'object' || example === null || Array.isArray(example)) return 'the example is no map of parameters: write what stands below `with`'
  const wrong = schemaProblems(ParameterSchema.of(stage).errors(example as Json))
  return wrong.length > 0 ? `the example is refused by the schema: ${wrong.map(p => p.message).join('; ')}` : undefined
}

const strangeKey = 'no_such_parameter'

export function openToAnyKey(stage: StageDefinition, params: JsonObject): string | undefined {
  const wrong = schemaProblems(ParameterSchema.of(stage).errors({ ...params, [strangeKey]: 1 }))
  return wrong.some(p => p.code === 'unknown-key') ? undefined : `the schema takes the key "${strangeKey}", so that nobody is told of a slip: list the properties, with additionalProperties: false`
}

const values: readonly Json[] = [null, true, 'a text', '', -1.5, 0, [], {}]

/** Values of other types must be refused at their parameter, and `check` must bear whatever the schema lets through. */
export async function wrongValues(stage: StageDefinition, params: JsonObject, inputs: CheckContext['inputs']): Promise<string | undefined> {
  const schema = ParameterSchema.of(stage)
  const given = structuredClone(params)
  const fault = schema.errors(given).length === 0 ? await faultOfCheck(stage, given, inputs) : undefined
  if (fault) return fault
  for (const name of schema.properties.keys()) {
    let isRefused = false
    for (const value of values) {
      const changed = structuredClone({ ...params, [name]: value })
      const wrong = schemaProblems(schema.errors(changed))
      isRefused ||= wrong.some(({ pointer }) => pointer === `/${name}` || pointer.startsWith(`/${name}/`))
      const fault = wrong.length === 0 ? await faultOfCheck(stage, changed, inputs) : undefined
      if (fault) return `with ${name}: ${JSON.stringify(value)} ${fault}`
    }
    if (!isRefused) return `the schema takes any value as "${name}": say what type it has`
  }
  return undefined
}

async function faultOfCheck(stage: StageDefinition, params: JsonObject, inputs: CheckContext['inputs']): Promise<string | undefined> {
  let problems: readonly StageProblem[]
  try {
    problems = (await stage.check?.({ params, inputs, upstream: {} })) ?? []
  } catch (error) {
    return `its check throws ${String(error)}: it should answer what is wrong`
  }
  if (!Array.isArray(problems)) return 'its check answers no list'
  const { declared } = ParameterSchema.of(stage)
  for (const { message, param } of problems) {
    if (typeof message !== 'string' || message.trim() === '') return 'its check answers a problem without a message'
    if (param !== undefined && param !== '' && declared && !declared.has(param.split('/')[0]!)) return `its check names the parameter "${param}", which the schema does not list`
  }
  return undefined
}

export interface OtherParameters {
  readonly name: string
  readonly value: Json
  readonly params: JsonObject
}

const typeOf = (value: Json | undefined): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)

/** The same parameters with one of them of each further type that the schema lets through. What names a file is left alone. */
export function ofOtherTypes(stage: StageDefinition, params: JsonObject, setting: StageSetting): readonly OtherParameters[] {
  return others(stage, params, setting, (accepts, current) => {
    const accepted = [...new Map(values.filter(accepts).map(value => [typeOf(value), value])).entries()]
    return accepted.length < 2 ? [] : accepted.filter(([type]) => type !== typeOf(current)).map(([, value]) => value)
  })
}

/** The same parameters with one of them of another value of its type. */
export function ofOtherValues(stage: StageDefinition, params: JsonObject, setting: StageSetting): readonly OtherParameters[] {
  return others(stage, params, setting, (accepts, current, { enum: listed }) => {
    const near: readonly Json[] = Array.isArray(listed) ? listed : typeof current === 'boolean' ? [!current] : typeof current === 'number' ? [current + 1, current / 2] : [`${typeof current === 'string' ? current : ''}?`, 1, true]
    return near.filter(value => value !== current && accepts(value)).slice(0, 1)
  })
}

function others(stage: StageDefinition, params: JsonObject, setting: StageSetting, ofOne: (accepts: (value: Json) => boolean, current: Json | undefined, schema: JsonSchema) => readonly Json[]): readonly OtherParameters[] {
  return [...ParameterSchema.of(stage).properties].filter(([, property]) => !JSON.stringify(property).includes('"artifact"')).flatMap(([name, property]) => {
    const accepts = (value: Json) => parameterProblems(stage, structuredClone({ ...params, [name]: value }), setting).length === 0
    return ofOne(accepts, params[name], property).map(value => ({ name, value, params: { ...params, [name]: value } }))
  })
}
