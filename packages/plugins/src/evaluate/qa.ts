import { defineStage, params } from 'hone-engine'
import { collections } from '../collections.js'
import { examples, metrics, model, predictions, scores } from '../kinds/kinds.js'
import { checkEngine, computedBy } from './computed-by.js'
import { metricsSchema } from './metric-names.js'
import { modelPorts, modelSchema, modelServices, type ModelParams } from './model-inputs.js'

export interface QaParams extends ModelParams {
  metrics: readonly string[]
  system?: string
  max_new_tokens: number
  temperature: number
  top_p: number
  top_k: number
  stop: readonly string[]
}

/** Has a model answer the last question of each example and compares its answers with the references. */
export const qa = defineStage<QaParams>({
  id: 'evaluate/qa',
  version: 1,
  summary: 'Answers of a model to examples, with metrics.',
  params: params<QaParams>({
    type: 'object',
    additionalProperties: false,
    properties: {
      ...modelSchema,
      metrics: metricsSchema,
      system: { type: 'string', description: 'A system message in place of those of the examples; empty for none.' },
      max_new_tokens: { type: 'integer', minimum: 1, default: 64, description: 'The longest answer, in tokens.' },
      temperature: { type: 'number', minimum: 0, default: 0, description: '0 is greedy; above, answers are drawn with the seed of the stage.' },
      top_p: { type: 'number', exclusiveMinimum: 0, maximum: 1, default: 1, description: 'Draws from the likeliest tokens that together have this probability.' },
      top_k: { type: 'integer', minimum: 0, default: 0, description: 'Draws from the so many likeliest tokens; 0 is all.' },
      stop: { type: 'array', items: { type: 'string', minLength: 1 }, default: [], description: 'An answer ends before the first of these.' },
    },
  }),
  inputs: {
    ...modelPorts,
    examples: { kind: examples, description: 'Conversations; the last message is the reference, those before it are the prompt.' },
    shots: { kind: examples, optional: true, description: 'Examples that are shown before each question.' },
    template_from: { kind: model, optional: true, view: 'tokenizer', description: 'A model whose chat template is used in place of the own.' },
  },
  services: { ...modelServices, metrics: collections.metrics },
  outputs: { predictions: { kind: predictions }, scores: { kind: scores }, metrics: { kind: metrics } },
  determinism: 'platform',
  engine: computedBy,
  resources: () => ({ cpus: 2 }),
  example: 'model: ./models/hone-tiny\nmax_new_tokens: 32\nmetrics: [exact_match, f1]',
  check: checkEngine,
  run: () => import('./qa.run.js'),
})
