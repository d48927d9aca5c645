import { basename } from 'node:path'
import { defineStage, params } from 'hone-engine'
import { any, documents } from '../kinds/kinds.js'
import { textFormat } from './text-format.js'

export interface FilesParams {
  paths?: string[]
  split: 'heading' | 'none'
  depth: number
  minimum: number
}

/** Documents of text files, split at their headings. */
export const files = defineStage<FilesParams>({
  id: 'ingest/files',
  version: 1,
  summary: 'Documents of Markdown, text and HTML files, one a heading.',
  params: params<FilesParams>({
    type: 'object',
    additionalProperties: false,
    properties: {
      paths: { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1, artifact: { port: 'files', glob: true }, description: 'Files, folders and globs: md, txt, html.' },
      split: { enum: ['heading', 'none'], default: 'heading', description: 'A document a heading, or a file.' },
      depth: { type: 'integer', minimum: 1, maximum: 6, default: 6, description: 'Headings below this level do not begin a document.' },
      minimum: { type: 'integer', minimum: 1, default: 1, description: 'Documents of fewer characters are left out.' },
    },
  }),
  inputs: { files: { kind: any, many: true, description: 'Files or folders, where `paths` does not name them.' } },
  outputs: { documents: { kind: documents } },
  determinism: 'bytes',
  light: true,
  example: 'paths: [docs/**/*.md]',
  // A file that is named itself is meant to be read; a glob and a folder may well hold others too.
  check: ({ params: { paths = [] }, inputs }) =>
    (inputs.files ?? [])
      .filter(({ path, reference }) => basename(path) === basename(reference) && textFormat(path) === undefined)
      .map(({ path, reference }) => ({
        message: `"${reference}" is no md, txt or html file by its extension`,
        param: `paths/${paths.indexOf(reference)}`,
        hint: /\.(jsonl|ndjson|json|csv|tsv|tab)$/i.test(path) ? 'ingest/table reads it, a row a line.' : 'Convert it to one of these, or leave it out.',
      })),
  run: () => import('./files.run.js'),
})
