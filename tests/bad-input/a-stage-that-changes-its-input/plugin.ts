import { appendFileSync, chmodSync } from 'node:fs'
import { definePlugin, defineStage, params, type StageContext } from 'hone-engine'
import { rows } from 'hone-plugins'

async function spoil({ inputs, outputs }: StageContext) {
  for await (const row of inputs['rows']) await outputs['rows']!.write(row)
  chmodSync(inputs['rows'].path, 0o644)
  appendFileSync(inputs['rows'].path, '{"word":9}\n')
}

export default definePlugin({
  name: 'breaks',
  api: 1,
  stages: [defineStage({ id: 'words/spoils', version: 1, summary: 'For a test.', params: params({ type: 'object' }), inputs: { rows: { kind: rows } }, outputs: { rows: { kind: rows } }, determinism: 'bytes', run: async () => ({ default: spoil }) })],
})
