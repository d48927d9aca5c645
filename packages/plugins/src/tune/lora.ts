import { defineStage, params, type StageProblem } from 'hone-engine'
import { checkEngine, computedBy } from '../evaluate/computed-by.js'
import { metrics, report, tokens } from '../kinds/kinds.js'
import { adapter, model } from '../kinds/model.js'
import { checkTokens } from './check-tokens.js'
import { misfit } from './lora-fit.js'
import { trainerRules, trainerSchema, type TrainerParams } from './trainer-params.js'

export interface LoraParams extends TrainerParams {
  rank: number
  alpha: number
  rslora: boolean
  dropout: number
  target_modules: 'all-linear' | string[]
  modules_to_save: string[]
}

/** Trains a low-rank adapter beside a model that stays as it is. */
export const lora = defineStage<LoraParams>({
  id: 'tune/lora',
  version: 1,
  summary: 'Trains a LoRA adapter of a Llama model on tokens, in float32 with AdamW; writes the adapter and the merged model.',
  params: params<LoraParams>({
    ...trainerRules,
    properties: {
      // Ten times and less above full tuning's, as the LoRA and QLoRA recipes have it.
      ...trainerSchema(2e-4),
      rank: { type: 'integer', minimum: 1, default: 8, description: 'The rank of each update.' },
      alpha: { type: 'number', exclusiveMinimum: 0, default: 16, description: 'The update is multiplied by alpha / rank.' },
      rslora: { type: 'boolean', default: false, description: 'alpha / √rank in place of alpha / rank.' },
      dropout: { type: 'number', minimum: 0, exclusiveMaximum: 1, default: 0, description: 'The share of what the adapter reads that a training step drops.' },
      target_modules: {
        anyOf: [{ const: 'all-linear' }, { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1, uniqueItems: true }],
        default: 'all-linear',
        description: 'Which layers are adapted: names or ends of them (q_proj), or every linear layer but the head.',
      },
      modules_to_save: {
        type: 'array', items: { type: 'string', minLength: 1 }, uniqueItems: true, default: [],
        description: 'Modules that are trained whole beside the adapter, by the ends of their names: embed_tokens, lm_head, norm (every norm).',
      },
    },
  }),
  inputs: {
    tokens: { kind: tokens, description: 'What to train on, of tokenize.' },
    model: { kind: model, description: 'The model, where `model` does not name it.' },
    adapter: { kind: adapter, optional: true, description: 'An adapter of it with the same rank, alpha and layers, to go on from.' },
  },
  outputs: { model: { kind: model, description: 'The model with the adapter merged.' }, adapter: { kind: adapter }, metrics: { kind: metrics }, report: { kind: report } },
  determinism: 'platform',
  engine: computedBy,
  resumable: true,
  extends: ['epochs', 'max_steps'],
  resources: () => ({ cpus: 2 }),
  example: 'model: ./models/hone-tiny\nrank: 8\nlearning_rate: 3e-3\nepochs: 3',
  check: async (context): Promise<readonly StageProblem[]> => {
    const { params: p, inputs } = context
    const problems = checkEngine(context)
    const dir = inputs.model?.[0]?.path
    if (dir === undefined) return problems
    const lm = await import('hone-lm/headers')
    // A folder or a GGUF file that is not whole is told by its kind.
    const folder = await lm.openModelFolder(dir).catch(() => undefined)
    if (!folder) return problems
    try {
      const config = lm.parseLlamaConfig(folder.configJson)
      const problem = misfit(lm, config, p)
      return [...problems, ...(await checkTokens(context, { vocabSize: config.vocabSize, dir }, 'model')), ...(problem ? [problem] : [])]
    } catch (error) {
      // A model that cannot be trained.
      return [...problems, { message: (error as Error).message, param: 'model' }]
    }
  },
  run: () => import('./lora.run.js'),
})
