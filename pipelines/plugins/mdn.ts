import { definePlugin, defineStage, params } from 'hone-engine'
import { file, rows } from 'hone-plugins'

export interface MdnParams {
  data: string[]
  train: number
  validation: number
  test: number
  characters: number
  tasks: ('kind' | 'name')[]
  shuffle_answers?: number
}

const count = (value: number, description: string) => ({ type: 'integer', minimum: 1, default: value, description })

/** Questions about what MDN describes: what kind of thing it is, and which one, the name masked in its description. */
export const mdn = defineStage<MdnParams>({
  id: 'ingest/mdn',
  version: 1,
  summary: 'Two questions for each entry of @vscode/web-custom-data: what kind of thing it is, and which.',
  params: params<MdnParams>({
    type: 'object',
    additionalProperties: false,
    required: ['data'],
    properties: {
      data: { type: 'array', items: { type: 'string' }, minItems: 1, artifact: { port: 'data', glob: true }, description: 'The data files of the npm package.' },
      train: count(480, 'Rows of each task to train on, as balanced between the kinds as there are entries.'),
      validation: count(40, 'Rows of each task to validate on, as many of each kind.'),
      test: count(110, 'Rows of each task to test on, as many of each kind.'),
      characters: count(240, 'Descriptions end with the sentence that goes beyond so many.'),
      tasks: { type: 'array', items: { enum: ['kind', 'name'] }, minItems: 1, uniqueItems: true, default: ['kind', 'name'], description: 'Which questions to ask of each entry: what kind of thing it is, which one.' },
      shuffle_answers: { type: 'integer', description: 'A seed: gives the rows to train and validate on one another\'s answers. A model tuned on these must not get better.' },
    },
  }),
  inputs: { data: { kind: file, many: true } },
  outputs: { rows: { kind: rows } },
  determinism: 'bytes',
  light: true,
  run: () => import('./mdn/run.js'),
})

export default definePlugin({ name: 'mdn', api: 1, stages: [mdn] })
