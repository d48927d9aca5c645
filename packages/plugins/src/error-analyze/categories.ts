import { defineStage, params } from 'hone-engine'
import { collections } from '../collections.js'
import { examples, metrics, predictions, report, rows } from '../kinds/kinds.js'

export interface CategoriesParams {
  categories?: string[]
  correct: 'exact_match' | 'exact_match_normalized'
  before?: string
  after?: string
  title: string
  credit?: string
  shown: number
}

/** What a model gets wrong and how, and what tuning mended and broke. */
export const categories = defineStage<CategoriesParams>({
  id: 'error-analyze/categories',
  version: 1,
  summary: 'Sorts wrong answers into categories, and says what one model mended and broke against another.',
  params: params<CategoriesParams>({
    type: 'object',
    additionalProperties: false,
    properties: {
      categories: { type: 'array', items: { type: 'string', provided: 'categories' }, minItems: 1, uniqueItems: true, description: 'The categories to try, in this order: of hone, of plugins, and `all` for the others of hone; those by default.' },
      correct: { enum: ['exact_match', 'exact_match_normalized'], default: 'exact_match', description: 'When an answer counts as right.' },
      before: { type: 'string', description: 'The label of the predictions to compare with; by default "base", else the first.' },
      after: { type: 'string', description: 'The label of the predictions that are judged; by default "tuned", else the last.' },
      title: { type: 'string', default: 'What is right and what is wrong', description: 'The title of the report.' },
      credit: { type: 'string', description: 'At the foot of the report: whose data it is, and its licence.' },
      shown: { type: 'integer', minimum: 0, default: 12, description: 'The most rows of a group that the report shows.' },
    },
  }),
  inputs: {
    examples: { kind: examples, description: 'The questions with their references.' },
    predictions: { kind: predictions, many: true, description: 'The answers of each model, by label.' },
    train: { kind: examples, optional: true, description: 'What was trained on: gives the most frequent answer to compare with, and more known answers.' },
  },
  services: { categories: collections.categories },
  outputs: {
    report: { kind: report },
    metrics: { kind: metrics },
    rows: { kind: rows, description: 'Each example with all answers, its outcome and its category.' },
    patches: { kind: rows, optional: true, description: 'A row for each wrong answer, to be edited and given to qa-convert.' },
  },
  determinism: 'bytes',
  light: true,
  example: 'correct: exact_match',
  run: () => import('./categories.run.js'),
})
