import { defineStage, params, type StageProblem } from 'hone-engine'
import { metrics, predictions, rows } from '../kinds/kinds.js'
import { templateProblems } from '../qa-convert/render.js'
import { checkEngine, computedBy } from './computed-by.js'
import { modelPorts, modelSchema, modelServices, type ModelParams } from './model-inputs.js'

export interface ChoiceParams extends ModelParams {
  context: string | readonly string[]
  choices: string | readonly string[]
  gold: string
  separator?: string
  chat_template: boolean
}

const oneOrMany = { anyOf: [{ type: 'string', minLength: 1 }, { type: 'array', items: { type: 'string' }, minItems: 2 }] }

/** Has a model choose the likeliest of given continuations. */
export const choice = defineStage<ChoiceParams>({
  id: 'evaluate/choice',
  version: 1,
  summary: 'Accuracy of a model that chooses the likeliest of given answers.',
  params: params<ChoiceParams>({
    type: 'object',
    additionalProperties: false,
    required: ['context', 'choices', 'gold'],
    properties: {
      ...modelSchema,
      context: { ...oneOrMany, description: 'What comes before: a column, a text with {{column}}, or a list of such texts, one a choice. A column may hold a list, one a choice.' },
      choices: { ...oneOrMany, description: 'The answers to choose from: a column that holds a list, or a list of texts with {{column}}.' },
      gold: { type: 'string', minLength: 1, description: 'Which is right: a column or a text with {{column}} that gives the place (from 0), the letter (A is the first), or the answer itself.' },
      separator: { type: 'string', description: 'What stands between context and answer: one space, or nothing under chat_template, where nothing is said.' },
      chat_template: { type: 'boolean', default: false, description: 'Asks the context as a user of a chat, and takes the answers as those of the assistant.' },
    },
  }),
  inputs: {
    ...modelPorts,
    rows: { kind: rows, description: 'A question a row.' },
    shots: { kind: rows, optional: true, description: 'Questions that are shown with their right answer before each.' },
  },
  services: modelServices,
  outputs: { predictions: { kind: predictions }, metrics: { kind: metrics } },
  determinism: 'platform',
  engine: computedBy,
  resources: () => ({ cpus: 2 }),
  example: 'model: ./models/hone-tiny\ncontext: "Question: {{question}}\\nAnswer:"\nchoices: options\ngold: answer',
  check: ({ params: { context, choices, gold }, backend }): StageProblem[] => [
    ...checkEngine({ backend }),
    ...Object.entries({ context, choices, gold }).flatMap(([param, given]) =>
      typeof given === 'string' ? templateProblems(given, param) : given.flatMap((text, i) => templateProblems(text, `${param}/${i}`))),
    ...(Array.isArray(context) && Array.isArray(choices) && context.length !== choices.length
      ? [{ message: `"context" lists ${context.length} texts, one a choice, and "choices" ${choices.length}`, param: 'context' }] : []),
  ],
  run: () => import('./choice.run.js'),
})
