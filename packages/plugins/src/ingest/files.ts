import { defineStage, params } from 'hone-engine'
import { any, documents } from '../kinds/kinds.js'

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
  run: () => import('./files.run.js'),
})
