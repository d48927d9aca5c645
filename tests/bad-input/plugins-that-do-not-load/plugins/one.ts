import { defineKind, definePlugin, defineStage, params } from 'hone-engine'

const lines = defineKind({ id: 'lines', summary: 'Lines.', form: 'file', extension: 'jsonl', rows: {} })
const stage = defineStage({
  id: 'words/one', version: 1, summary: 'A word.', inputs: {}, outputs: { lines: { kind: lines } }, determinism: 'bytes',
  params: params({ type: 'object', properties: { count: { type: 'integer' } } }),
  run: async () => ({ default: ({ outputs }) => outputs.lines!.write({ word: 'one' }) }),
})
export default definePlugin({ name: 'one', api: 1, stages: [stage] })
