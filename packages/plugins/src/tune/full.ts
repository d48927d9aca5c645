import { defineStage, params, type StageProblem } from 'hone-engine'
import { checkEngine, computedBy } from '../evaluate/computed-by.js'
import { metrics, report, tokens } from '../kinds/kinds.js'
import { adapter, model, tokenizer } from '../kinds/model.js'
import { checkTokens } from './check-tokens.js'
import { trainerRules, trainerSchema, type TrainerParams } from './trainer-params.js'

export interface FullParams extends TrainerParams {
  /** In place of a model: fresh weights of this shape. */
  init?: { family: 'llama'; config: Record<string, unknown> }
}

/** Trains every weight of a model, or a new model from nothing. */
export const full = defineStage<FullParams>({
  id: 'tune/full',
  version: 1,
  summary: 'Trains all weights of a Llama model on tokens, or a fresh one with init; in float32, with AdamW.',
  params: params<FullParams>({
    ...trainerRules,
    properties: {
      // Hugging Face's Trainer's default.
      ...trainerSchema(5e-5),
      init: {
        type: 'object',
        additionalProperties: false,
        required: ['family', 'config'],
        properties: {
          family: { enum: ['llama'], description: 'The architecture.' },
          config: { type: 'object', description: 'Fields of config.json: hidden_size, num_hidden_layers, num_attention_heads, intermediate_size, …; vocab_size is by default that of the tokens.' },
        },
        description: 'Fresh weights in place of a model.',
      },
    },
    dependentSchemas: { init: { properties: { model: false, adapter: false } } },
  }),
  inputs: ({ init }) => ({
    tokens: { kind: tokens, description: 'What to train on, of tokenize.' },
    ...(init
      ? { tokenizer: { kind: tokenizer, optional: true, description: 'The tokenizer that made the tokens; it is written beside the weights in any case.' } }
      : {
          model: { kind: model, description: 'The model, where `model` does not name it.' },
          adapter: { kind: adapter, optional: true, description: 'A LoRA adapter of it, merged before training.' },
        }),
  }),
  outputs: { model: { kind: model }, metrics: { kind: metrics }, report: { kind: report } },
  determinism: 'platform',
  engine: computedBy,
  resumable: true,
  extends: ['epochs', 'max_steps'],
  resources: () => ({ cpus: 2 }),
  example: 'model: ./models/hone-tiny\nlearning_rate: 5e-4\nepochs: 3',
  check: async (context): Promise<readonly StageProblem[]> => {
    const { init } = context.params
    const { openModelFolder, parseLlamaConfig } = await import('hone-lm/headers')
    const problems = [...checkEngine(context)]
    try {
      if (init) {
        const { vocabSize } = parseLlamaConfig({ model_type: init.family, vocab_size: 1, ...init.config })
        return init.config['vocab_size'] === undefined ? problems : [...problems, ...(await checkTokens(context, { vocabSize }, 'init/config'))]
      }
    } catch (error) {
      return [...problems, { message: (error as Error).message.replace('config.json: ', ''), param: 'init/config' }]
    }
    const dir = context.inputs.model?.[0]?.path
    // A folder or a GGUF file that is not whole is told by its kind.
    const folder = dir === undefined ? undefined : await openModelFolder(dir).catch(() => undefined)
    if (dir === undefined || !folder) return problems
    try {
      return [...problems, ...(await checkTokens(context, { vocabSize: parseLlamaConfig(folder.configJson).vocabSize, dir }, 'model'))]
    } catch (error) {
      return [...problems, { message: (error as Error).message, param: 'model' }]
    }
  },
  run: () => import('./full.run.js'),
})
