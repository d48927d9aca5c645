import { defineStage, definePlugin, params } from 'hone-engine'
import { documents, file } from 'hone-plugins'

export interface NpmTextParams {
  paths: string[]
  held_out: string[]
  document_characters: number
}

/** The text that the tiny base model learns from: WordNet's definitions and documentation comments, and nothing about CSS or HTML. */
export const npmText = defineStage<NpmTextParams>({
  id: 'ingest/npm-text',
  version: 1,
  summary: 'Definitions and documentation comments of npm packages as documents, without CSS and HTML.',
  params: params<NpmTextParams>({
    type: 'object',
    additionalProperties: false,
    required: ['paths', 'held_out'],
    properties: {
      paths: { type: 'array', items: { type: 'string' }, minItems: 1, artifact: { port: 'files', glob: true }, description: 'WordNet\'s data files and .d.ts files.' },
      held_out: { type: 'array', items: { type: 'string' }, minItems: 1, artifact: { port: 'held_out', glob: true }, description: 'The data files of @vscode/web-custom-data. No description of theirs may stand in the text.' },
      document_characters: { type: 'integer', minimum: 200, default: 1200, description: 'Short pieces of prose are put together to documents of about this length.' },
    },
  }),
  inputs: { files: { kind: file, many: true }, held_out: { kind: file, many: true } },
  outputs: { documents: { kind: documents } },
  determinism: 'bytes',
  light: true,
  run: () => import('./npm-text/run.js'),
})

export default definePlugin({ name: 'npm-text', api: 1, stages: [npmText] })
