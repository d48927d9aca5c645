import { definePlugin, defineStage, params, type StageContext } from 'hone-engine'
import { rows } from 'hone-plugins'

const stage = (id: string, inputs: object, run: (context: StageContext) => Promise<void> | void) =>
  defineStage({ id, version: 1, summary: 'For a test.', params: params({ type: 'object', additionalProperties: false, properties: {} }), inputs: inputs as {}, outputs: { rows: { kind: rows } }, determinism: 'bytes', run: async () => ({ default: run }) })

const copy = async ({ inputs, outputs }: StageContext) => {
  for await (const row of inputs['rows']) await outputs['rows']!.write(row)
}

export default definePlugin({
  name: 'breaks',
  api: 1,
  stages: [
    stage('words/rows', {}, async ({ outputs }) => {
      for (let word = 0; word < 3; word++) await outputs['rows']!.write({ word })
    }),
    stage('words/early', { rows: { kind: rows } }, context => void copy(context)),
  ],
})
