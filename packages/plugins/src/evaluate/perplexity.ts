import { defineStage, params, type CheckContext, type StageProblem } from 'hone-engine'
import { documents, examples, metrics, predictions, rows } from '../kinds/kinds.js'
import { checkEngine, computedBy } from './computed-by.js'
import { modelPorts, modelSchema, modelServices, type ModelParams } from './model-inputs.js'
import { oneSource } from './one-source.js'

export interface PerplexityParams extends ModelParams {
  text: string
  prefix: 'none' | 'bos'
  window?: number
  chat_template: boolean
}

/** What `prefix: bos` asks for and a tokenizer may lack. */
export const noBeginToken = { message: 'The tokenizer has no begin token', param: 'prefix', hint: 'Leave "prefix" out: the first token of a text is then not scored.' }

async function checkPrefix({ params: { prefix }, inputs }: CheckContext<PerplexityParams>): Promise<readonly StageProblem[]> {
  const model = inputs.model?.[0]?.path
  if (prefix !== 'bos' || model === undefined) return []
  const { loadTokenizer } = await import('hone-lm/headers')
  // One that cannot be read is told by its kind.
  const tokenizer = await loadTokenizer(model).catch(() => undefined)
  return tokenizer && tokenizer.bosId === undefined ? [noBeginToken] : []
}

/** How badly a model predicts texts, or the answers of examples. */
export const perplexity = defineStage<PerplexityParams>({
  id: 'evaluate/perplexity',
  version: 1,
  summary: 'Loss and perplexity of a model on texts, or on the answers of examples.',
  params: params<PerplexityParams>({
    type: 'object',
    additionalProperties: false,
    properties: {
      ...modelSchema,
      text: { type: 'string', minLength: 1, default: 'text', description: 'The column with the text, of rows and documents.' },
      prefix: { enum: ['none', 'bos'], default: 'none', description: 'What stands before a text: nothing, and its first token is not scored; or the tokenizer’s begin token.' },
      window: { type: 'integer', minimum: 1, description: 'How many tokens the model reads at once; the smaller of its context and 1024 where nothing is said.' },
      chat_template: { type: 'boolean', default: false, description: 'Lets rows and documents be what the assistant says in a chat; examples always are chats, of which the answers are scored.' },
    },
  }),
  inputs: (_, given) => ({
    ...modelPorts,
    examples: { kind: examples, optional: given.includes('documents') || given.includes('rows'), description: 'What to measure the model on: the answers of examples, or' },
    documents: { kind: documents, optional: true, description: 'documents, or' },
    rows: { kind: rows, optional: true, description: 'a column of rows.' },
  }),
  services: modelServices,
  outputs: { predictions: { kind: predictions }, metrics: { kind: metrics } },
  determinism: 'platform',
  engine: computedBy,
  resources: () => ({ cpus: 2 }),
  example: 'model: ./models/hone-tiny\nwindow: 512',
  check: async context => [...checkEngine(context), ...oneSource(['examples', 'documents', 'rows'], context), ...(await checkPrefix(context))],
  run: () => import('./perplexity.run.js'),
})
