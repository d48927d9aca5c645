import { defineStage, params } from 'hone-engine'
import { file, rows } from '../kinds/kinds.js'

export interface TableParams {
  path?: string
  limit?: number
  format?: 'jsonl' | 'json' | 'csv' | 'tsv'
}

/** Tables whose bytes are none of the forms that are read, so that naming a format cannot help. */
const foreign = /\.(parquet|xlsx?|ods|arrow|feather|orc|avro|db|sqlite|gz|zip|zst|bz2|xz)$/i

/** Rows of a table as they stand in a file. A row without an `id` of its own gets one from its content. */
export const table = defineStage<TableParams>({
  id: 'ingest/table',
  version: 1,
  summary: 'Rows of a jsonl, json, csv or tsv file.',
  params: params<TableParams>({
    type: 'object',
    additionalProperties: false,
    properties: {
      path: { type: 'string', minLength: 1, artifact: { port: 'file' }, description: 'The file; its extension says what it is.' },
      limit: { type: 'integer', minimum: 1, description: 'Only the first so many rows.' },
      format: { enum: ['jsonl', 'json', 'csv', 'tsv'], description: 'What the file is, where its extension does not say.' },
    },
  }),
  inputs: { file: { kind: file, description: 'The table, where `path` does not name it.' } },
  outputs: { rows: { kind: rows } },
  determinism: 'bytes',
  light: true,
  example: 'path: data/messages.csv',
  check: ({ params, inputs }) => {
    const named = inputs.file?.[0]
    if (params.format || !named || /\.(jsonl|ndjson|json|csv|tsv|tab)$/i.test(named.path)) return []
    return [{ message: `"${named.reference}" is no jsonl, json, csv or tsv file by its extension`, param: 'path', hint: foreign.test(named.path) ? 'These four are read: write it as one of them first, a table of pandas for example by to_json("rows.jsonl", orient="records", lines=True).' : 'Say what it is with "format".' }]
  },
  run: () => import('./table.run.js'),
})
