import { defineStage, params } from 'hone-engine'
import { documents, rows } from '../kinds/kinds.js'
import { tokenizer } from '../kinds/model.js'

export interface TrainTokenizerParams {
  vocab_size: number
  columns?: string[]
  min_frequency: number
  split_digits: boolean
  special_tokens: string[]
  eos_token: string
  pad_token: string
  bos_token?: string
  template: string
}

/** A tokenizer of one's own, for a model that is trained from nothing. */
export const train = defineStage<TrainTokenizerParams>({
  id: 'tokenize/train',
  version: 1,
  summary: 'Trains a byte-level BPE tokenizer on documents or rows, with special tokens and a chat template.',
  params: params<TrainTokenizerParams>({
    type: 'object',
    additionalProperties: false,
    required: ['vocab_size'],
    properties: {
      vocab_size: { type: 'integer', minimum: 257, maximum: 1_000_000, description: 'How many tokens, the 256 bytes and the special ones included.' },
      columns: { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1, uniqueItems: true, description: 'The columns that hold text; by default "text", or the contents of "messages".' },
      min_frequency: { type: 'integer', minimum: 1, default: 2, description: 'Pairs that occur less often are not merged.' },
      split_digits: { type: 'boolean', default: true, description: 'Each digit is a token of its own.' },
      special_tokens: { type: 'array', items: { type: 'string', minLength: 1 }, uniqueItems: true, default: ['<|endoftext|>', '<|im_start|>', '<|im_end|>'], description: 'They get the first ids.' },
      eos_token: { type: 'string', default: '<|im_end|>', description: 'Ends a document and an answer; one of special_tokens.' },
      pad_token: { type: 'string', default: '<|endoftext|>', description: 'One of special_tokens.' },
      bos_token: { type: 'string', description: 'Begins a text; one of special_tokens. By default there is none.' },
      template: { type: 'string', minLength: 1, default: 'chatml', description: 'The chat template that goes along: chatml, plain, or Jinja source.' },
    },
  }),
  inputs: (_, given) => ({
    documents: { kind: documents, optional: given.includes('rows'), description: 'Documents, or' },
    rows: { kind: rows, optional: true, description: 'rows of any kind.' },
  }),
  outputs: { tokenizer: { kind: tokenizer } },
  determinism: 'bytes',
  light: true,
  example: 'vocab_size: 4096',
  check: ({ params }) => [
    ...(['eos_token', 'pad_token', 'bos_token'] as const).flatMap(role =>
      params[role] === undefined || params.special_tokens.includes(params[role])
        ? [] : [{ message: `"${params[role]}" is none of special_tokens`, param: role, hint: `Add it to special_tokens: ${params.special_tokens.join(', ')}.` }]),
    ...(params.vocab_size < 256 + params.special_tokens.length
      ? [{ message: `"vocab_size" must be ≥ ${256 + params.special_tokens.length} (256 bytes and ${params.special_tokens.length} special tokens); got ${params.vocab_size}`, param: 'vocab_size' }] : []),
    ...(params.template === 'chatml' && !['<|im_start|>', '<|im_end|>'].every(t => params.special_tokens.includes(t))
      ? [{ message: 'the template chatml needs the special tokens <|im_start|> and <|im_end|>', param: 'template' }] : []),
    ...(!['chatml', 'plain'].includes(params.template) && !/\{[{%]/.test(params.template)
      ? [{ message: `"${params.template}" is no template`, param: 'template', hint: 'Write chatml, plain, or Jinja source.' }] : []),
  ],
  run: () => import('./train.run.js'),
})
