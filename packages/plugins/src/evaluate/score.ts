import { defineStage, params } from 'hone-engine'
import { collections } from '../collections.js'
import { metrics, predictions, rows, scores } from '../kinds/kinds.js'
import { metricsSchema } from './metric-names.js'
import { oneSource } from './one-source.js'

export interface ScoreParams {
  prediction: string
  reference: string
  metrics: readonly string[]
}

/** Compares two columns of what is there, without a model. */
export const score = defineStage<ScoreParams>({
  id: 'evaluate/score',
  version: 1,
  summary: 'Metrics of predictions, or of two columns of any rows.',
  params: params<ScoreParams>({
    type: 'object',
    additionalProperties: false,
    properties: {
      prediction: { type: 'string', minLength: 1, default: 'prediction', description: 'The column with what was predicted.' },
      reference: { type: 'string', minLength: 1, default: 'reference', description: 'The column with what is right: a string, or a list of strings of which the best counts.' },
      metrics: metricsSchema,
    },
  }),
  inputs: (_, given) => ({
    predictions: { kind: predictions, optional: given.includes('rows'), description: 'What to score; a row needs the columns that `prediction` and `reference` name, and may have a `task`.' },
    rows: { kind: rows, optional: true, description: 'Any rows, in place of predictions.' },
  }),
  services: { metrics: collections.metrics },
  outputs: { scores: { kind: scores }, metrics: { kind: metrics } },
  determinism: 'bytes',
  light: true,
  example: 'metrics: [exact_match, f1]',
  check: context => oneSource(['predictions', 'rows'], context),
  run: () => import('./score.run.js'),
})
