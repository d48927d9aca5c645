import { createRequire } from 'node:module'
import type { ValidateFunction } from 'ajv'
import { digestOfJson } from '../artifacts/digest.js'
import type { Json } from '../artifacts/types.js'
import type { JsonSchema, StageDefinition } from './define.js'

/** The modules beside which a build may have left what ajv makes of the schemas of their stages: compiling them takes longer than a small plan. */
const places = new WeakMap<object, { readonly module: string; readonly stage: string }>()

/** `module`: the file URL of the plugin that defines the stage. */
export const lookBeside = (definition: StageDefinition, module: string): void => void places.set(definition, { module, stage: definition.id })

/** Where the compiled schema of a stage lies, beside its plugin's module. */
export const compiledFile = (stage: string): string => `./validators/${stage.replace('/', '.')}.cjs`

/** What a build made of this very schema; undefined where there is none. */
export function compiledBefore(definition: Pick<StageDefinition, 'params'>, schema: JsonSchema): ValidateFunction | undefined {
  const place = places.get(definition)
  if (!place) return undefined
  try {
    const { digest, validate } = createRequire(place.module)(compiledFile(place.stage)) as { digest: string; validate: ValidateFunction }
    return digest === digestOfJson(schema as Json) ? validate : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}
