import { defineStage, params } from 'hone-engine'
import { collections } from '../collections.js'
import { folder, report, rows, tokens } from '../kinds/kinds.js'
import { model, tokenizer } from '../kinds/model.js'
import { checkLength, checkRows } from './check-tokenizing.js'

export interface TokenizeParams {
  model?: string
  template?: string
  max_length: number
  train_on: 'assistant' | 'last' | 'all'
  truncation: 'drop' | 'error' | 'left' | 'right' | 'middle' | 'split'
  max_cut: number
}

/** Tokens of examples or documents, with what is learned. */
export const huggingface = defineStage<TokenizeParams>({
  id: 'tokenize/huggingface',
  version: 1,
  summary: "Tokenizes examples by a model's tokenizer and chat template, marks what is learned, and proves it.",
  params: params<TokenizeParams>({
    type: 'object',
    additionalProperties: false,
    properties: {
      model: { type: 'string', minLength: 1, artifact: { port: 'model' }, description: 'The model whose tokenizer and chat template are used.' },
      template: { type: 'string', minLength: 1, provided: 'templates', description: 'none for plain text, chatml, plain (roles on lines of their own), one of a plugin, or Jinja source; by default the chat template of the model.' },
      max_length: { type: 'integer', minimum: 2, default: 1024, description: 'The most tokens a row may have.' },
      train_on: { enum: ['assistant', 'last', 'all'], default: 'assistant', description: 'What is learned: every answer, the last one, or everything.' },
      truncation: {
        enum: ['drop', 'error', 'left', 'right', 'middle', 'split'], default: 'drop',
        description: 'Longer rows: leave them out (and list them), stop, cut at the left, the right or the middle, or split them into chunks.',
      },
      max_cut: { type: 'number', minimum: 0, maximum: 1, default: 0.2, description: 'A larger share of rows cut or left out stops the run.' },
    },
  }),
  inputs: (params, given) => ({
    examples: { kind: rows, description: 'Examples (messages), or documents (text) where `template` is none.' },
    validation: { kind: rows, optional: true, description: 'Examples that are only scored.' },
    tokenizer: { kind: tokenizer, optional: true, description: 'A tokenizer, in place of the one of a model.' },
    model: { kind: model, view: 'tokenizer', optional: given.includes('tokenizer'), description: 'The model, where the parameter does not name it.' },
  }),
  services: { templates: collections.templates },
  outputs: { tokens: { kind: tokens }, report: { kind: report }, proof: { kind: folder, description: 'What is learned of ten examples, as text and JSON.' } },
  determinism: 'bytes',
  light: true,
  example: 'model: ./models/hone-tiny\nmax_length: 256',
  check: async context => [...(await checkRows(context)), ...(await checkLength(context))],
  run: () => import('./huggingface.run.js'),
})
