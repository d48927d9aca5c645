import { defineStage, params } from 'hone-engine'
import { documents, examples, metrics, predictions, rows } from '../kinds/kinds.js'
import { checkEngine, computedBy } from './computed-by.js'
import { modelPorts, modelSchema, modelServices, type ModelParams } from './model-inputs.js'

export interface PerplexityParams extends ModelParams {
  text: string
  prefix: 'none' | 'bos'
  window?: number
  chat_template: boolean
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
  inputs: (_, given) => {
    const source = { description: 'What to measure the model on.' }
    if (given.includes('rows')) return { ...modelPorts, rows: { kind: rows, ...source } }
    if (given.includes('documents')) return { ...modelPorts, documents: { kind: documents, ...source } }
    return { ...modelPorts, examples: { kind: examples, ...source } }
  },
  services: modelServices,
  outputs: { predictions: { kind: predictions }, metrics: { kind: metrics } },
  determinism: 'platform',
  engine: computedBy,
  resources: () => ({ cpus: 2 }),
  example: 'model: ./models/hone-tiny\nprefix: bos',
  check: checkEngine,
  run: () => import('./perplexity.run.js'),
})
