import { definePlugin, defineStage, params, type StageContext } from 'hone-engine'
import { rows } from 'hone-plugins'

async function copy({ inputs, outputs }: StageContext) {
  for await (const row of inputs['rows']) await outputs['rows']!.write(row)
}

export default definePlugin({
  name: 'breaks',
  api: 1,
  stages: [defineStage({ id: 'words/early', version: 1, summary: 'For a test.', params: params({ type: 'object' }), inputs: { rows: { kind: rows } }, outputs: { rows: { kind: rows } }, determinism: 'bytes', run: async () => ({ default: (context: StageContext) => void copy(context) }) })],
})
