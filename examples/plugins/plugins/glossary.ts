// A plugin with a kind, two stages and a command.
import { defineCommand, definePlugin, defineStage, params } from 'hone-engine'
import { examples, predictions } from 'hone-plugins'
import { glossary } from './kind.js'

export interface QuestionsParams {
  path: string
  ask: 'meaning' | 'term'
}

export const questions = defineStage<QuestionsParams>({
  id: 'qa-convert/glossary',
  version: 1,
  summary: 'A question for each term of a glossary.',
  params: params<QuestionsParams>({
    type: 'object',
    additionalProperties: false,
    required: ['path'],
    properties: {
      path: { type: 'string', artifact: { port: 'glossary' }, description: 'The glossary.' },
      ask: { enum: ['meaning', 'term'], default: 'term', description: 'What is asked for.' },
    },
  }),
  inputs: { glossary: { kind: glossary } },
  outputs: { examples: { kind: examples } },
  determinism: 'bytes',
  light: true,
  example: 'path: data/glossary.txt',
  run: () => import('./questions.js'),
})

export interface ParrotParams {
  words: number
}

/** Stands for a model that takes its time: what it answered is remembered by row, so that a new question costs its own answer alone. */
export const parrot = defineStage<ParrotParams>({
  id: 'evaluate/parrot',
  version: 1,
  summary: 'Answers a question with its longest words.',
  params: params<ParrotParams>({
    type: 'object',
    additionalProperties: false,
    properties: { words: { type: 'integer', minimum: 1, default: 1, description: 'How many.' } },
  }),
  inputs: { examples: { kind: examples } },
  outputs: { predictions: { kind: predictions } },
  determinism: 'bytes',
  light: true,
  example: 'words: 2',
  run: () => import('./parrot.js'),
})

export const lookUp = defineCommand<{ file: string }>({
  name: 'look-up',
  summary: 'Looks terms up in a glossary.',
  arguments: '<terms...>',
  example: 'hone look-up hue',
  params: params({ type: 'object', additionalProperties: false, properties: { file: { type: 'string', default: 'data/glossary.txt', description: 'The glossary.' } } }),
  run: () => import('./look-up.js'),
})

export default definePlugin({ name: 'glossary', api: 1, kinds: [glossary], stages: [questions, parrot], commands: [lookUp] })
