// What planning reads of the stage. What it runs stands in ./readable.run.ts, and is loaded when it runs.
import { definePlugin, defineStage, params } from 'hone-engine'
import { rows } from 'hone-plugins'

export interface Params {
  column: string
  at_least: number
}

export const readable = defineStage<Params>({
  id: 'rows/readable',
  version: 1,
  summary: 'Keeps the rows whose text is easy to read (Flesch).',
  params: params<Params>({
    type: 'object',
    additionalProperties: false,
    properties: {
      column: { type: 'string', minLength: 1, default: 'text', description: 'The column with the text.' },
      at_least: { type: 'number', maximum: 121, default: 50, description: 'The least reading ease; 60 to 70 is plain English.' },
    },
  }),
  inputs: { rows: { kind: rows, description: 'Rows with a text.' } },
  outputs: { rows: { kind: rows, description: 'Those that are easy to read, each with its reading ease.' } },
  determinism: 'bytes',
  light: true,
  example: 'at_least: 60',
  run: () => import('./readable.run.js'),
})

export default definePlugin({ name: 'readable', api: 1, stages: [readable] })
