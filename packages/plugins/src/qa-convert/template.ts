import { defineStage, params } from 'hone-engine'
import { documents, examples, rows } from '../kinds/kinds.js'
import { columnsOf, templateProblems } from './render.js'

export type SplitParams = { validation?: number; test?: number } | { column: string }

export interface TemplateParams {
  preset?: 'auto' | 'qa' | 'alpaca' | 'sharegpt' | 'messages' | 'completion'
  user?: string
  assistant?: string
  system?: string
  task?: string
  keep?: string[]
  split?: SplitParams
  group_by?: string
  deduplicate: 'none' | 'exact' | 'near'
  near: number
}

const share = { type: 'number', minimum: 0, exclusiveMaximum: 1 }

/** Examples to train and test on, made of the columns of rows or documents. */
export const template = defineStage<TemplateParams>({
  id: 'qa-convert/template',
  version: 1,
  summary: 'Turns rows or documents into examples by a preset or by templates with {{column}}, and splits them.',
  params: params<TemplateParams>({
    type: 'object',
    additionalProperties: false,
    properties: {
      preset: { enum: ['auto', 'qa', 'alpaca', 'sharegpt', 'messages', 'completion'], description: 'Which columns hold what; auto (the default without templates) looks at their names.' },
      user: { type: 'string', minLength: 1, description: 'Template of the question: text with {{column}}.' },
      assistant: { type: 'string', minLength: 1, description: 'Template of the answer.' },
      system: { type: 'string', minLength: 1, description: 'Template of the system message; also beside a preset.' },
      task: { type: 'string', minLength: 1, description: 'Template of the task, by which metrics are told apart; by default the column "task" where there is one.' },
      keep: { type: 'array', items: { type: 'string' }, uniqueItems: true, description: 'Columns that go along into the examples.' },
      split: {
        description: 'Shares that are held out, or the column that says train, validation or test.',
        anyOf: [
          { type: 'object', additionalProperties: false, minProperties: 1, properties: { validation: { ...share, description: 'The share of the rows for the port validation.' }, test: { ...share, description: 'The share of the rows for the port test.' } } },
          { type: 'object', additionalProperties: false, required: ['column'], properties: { column: { type: 'string', minLength: 1, description: 'The column that says train, validation or test.' } } },
        ],
      },
      group_by: { type: 'string', minLength: 1, description: 'A column; rows with the same value of it are never split.' },
      deduplicate: { enum: ['none', 'exact', 'near'], default: 'none', description: 'Leave out examples that say the same as an earlier one.' },
      near: { type: 'number', exclusiveMinimum: 0, maximum: 1, default: 0.85, description: 'Jaccard similarity over runs of three words from which examples count as near.' },
    },
    dependentRequired: { user: ['assistant'], assistant: ['user'] },
    not: { required: ['preset', 'user'] },
  }),
  inputs: (_, given) => ({
    rows: { kind: rows, optional: given.includes('documents'), description: 'Rows; or documents in their place.' },
    documents: { kind: documents, optional: true, description: 'Documents, in place of rows.' },
    patches: { kind: rows, optional: true, description: 'Corrections by id: action drop or replace, with user and assistant.' },
  }),
  outputs: ({ split }) => ({
    examples: { kind: examples, description: 'Every example.' },
    ...(split === undefined
      ? {}
      : {
          train: { kind: examples, optional: true, description: 'With split: the examples to train on.' },
          validation: { kind: examples, optional: true, description: 'With split: those held out to choose by.' },
          test: { kind: examples, optional: true, description: 'With split: those held out to the last.' },
        }),
    rejected: { kind: rows, optional: true, description: 'The rows that gave no example, with the reason.' },
  }),
  determinism: 'bytes',
  light: true,
  example: 'user: "What is {{title}}?"\nassistant: "{{text}}"\nsplit: { validation: 0.1, test: 0.1 }',
  check: ({ params }) => {
    const problems = (['user', 'assistant', 'system', 'task'] as const).flatMap(param => templateProblems(params[param] ?? '', param))
    const { user, split } = params
    if (problems.length === 0 && user !== undefined && columnsOf(user).length === 0) {
      problems.push({ message: '"user" names no column: every row asks the same', param: 'user', hint: 'A column is written {{column}}.', severity: 'warning' })
    }
    if (!split || 'column' in split) return problems
    const held = (split.validation ?? 0) + (split.test ?? 0)
    return held < 1 ? problems : [...problems, { message: `"split" holds out ${held} of the rows and leaves none to train on`, param: 'split' }]
  },
  run: () => import('./template.run.js'),
})
