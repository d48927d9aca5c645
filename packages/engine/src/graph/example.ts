import { loadYaml } from '../source/yaml.js'
import type { Json, JsonObject } from '../artifacts/types.js'
import type { InputPorts, JsonSchema, KindDefinition, StageDefinition } from '../plugin/define.js'
import { possibleOutputs, sampleOf } from '../plugin/possible-ports.js'
import type { Registry } from '../plugin/registry.js'
import { ParameterSchema } from './parameters.js'

/**
 * A stage to paste below `stages:`, made of its example of `with`: each port that must be fed and that no parameter feeds takes the output of a
 * stage which is called as the first kind of stage that gives it.
 */
export function exampleStage(stage: StageDefinition, registry: Registry): string {
  const { required = [], properties = {} } = stage.params.schema as { required?: readonly string[]; properties?: Record<string, JsonSchema> }
  const sample = Object.fromEntries(required.map(name => [name, sampleOf(properties[name] ?? {})]))
  const withText = stage.example?.trimEnd() ?? (required.length > 0 ? loadYaml().stringify(sample).trimEnd() : '')
  const values = ((withText === '' ? undefined : (loadYaml().parse(withText) as JsonObject | null)) ?? {}) as JsonObject
  const fed = new Set(ParameterSchema.of(stage).artifacts(values).map(({ port }) => port))
  const inputs = Object.entries(inputsFor(stage, values))
    .filter(([port, { optional }]) => !optional && !fed.has(port))
    .map(([port, { kind, many }]) => `${port}: ${many ? '[' : ''}${giverOf(port, kind, stage, registry)}${many ? ']' : ''}`)
  const indented = (text: string, by: number) => text.replace(/^(?=.)/gm, ' '.repeat(by))
  return [
    `${stage.id.split('/')[1]!.replace(/^[^a-z]/, 's$&')}:`,
    `  uses: ${stage.id}`,
    ...(inputs.length > 0 ? [`  inputs: { ${inputs.join(', ')} }`] : []),
    ...(withText === '' ? [] : ['  with:', indented(withText, 4)]),
  ].join('\n')
}

function inputsFor({ inputs, params }: StageDefinition, values: JsonObject): InputPorts {
  if (typeof inputs !== 'function') return inputs
  const properties = Object.entries((params.schema.properties ?? {}) as Record<string, JsonSchema>)
  const defaults = Object.fromEntries(properties.flatMap(([name, p]) => (p.default === undefined ? [] : [[name, p.default as Json]])))
  try {
    return inputs({ ...defaults, ...values }, [], {})
  } catch {
    return {}
  }
}

function giverOf(port: string, { id, accepts = [] }: KindDefinition, taker: StageDefinition, registry: Registry): string {
  const kinds = [id, ...accepts]
  const outputs = registry.stages.flatMap(({ definition }) =>
    definition === taker ? [] : Object.entries(possibleOutputs(definition).ports).map(([name, { kind }]) => ({ stage: definition.id.split('/')[0]!, name, rank: kinds.indexOf(kind.id) })))
  const fit = outputs.filter(({ rank }) => rank >= 0).sort((a, b) => a.rank - b.rank)
  // A port for several kinds has the name of the one that it is chiefly for.
  const [giver] = [...fit.filter(({ name }) => name === port), ...fit]
  return giver ? `${giver.stage}.${giver.name}` : `stage.${id}`
}
