// A stage of this project: the first held-out questions with the answer of each model beside the reference, as a Markdown table.
// Its code is part of its key: change a line of it, and this stage alone runs again.
import { writeFile } from 'node:fs/promises'
import { definePlugin, defineStage, params, type ArtifactHandle, type StageContext } from 'hone-engine'
import { file, predictions, type Prediction } from 'hone-plugins'

interface SideBySideParams {
  rows: number
}

async function run({ params, inputs, outputs, log }: StageContext<SideBySideParams>): Promise<void> {
  const models = inputs.predictions as ArtifactHandle<Prediction>[]
  const questions = new Map<string, Prediction>()
  const answers = new Map<string, string[]>()
  for (const model of models) {
    for await (const row of model) {
      questions.set(row.id, row)
      answers.set(row.id, [...(answers.get(row.id) ?? []), row.prediction ?? ''])
    }
  }
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').trim()).join(' | ')} |`
  const shown = [...questions.values()].slice(0, params.rows)
  const head = ['question', 'reference', ...models.map(model => model.label)]
  const table = [line(head), line(head.map(() => '---')), ...shown.map(row => line([row.prompt ?? '', row.reference ?? '', ...answers.get(row.id)!]))]
  await writeFile(outputs.table!.path, `${table.join('\n')}\n`)
  log(`${shown.length} of ${questions.size} questions shown`)
}

export const sideBySide = defineStage<SideBySideParams>({
  id: 'report/side-by-side',
  version: 1,
  summary: 'The first questions with the answer of each model beside the reference.',
  params: params<SideBySideParams>({
    type: 'object',
    additionalProperties: false,
    properties: { rows: { type: 'integer', minimum: 1, default: 10, description: 'How many questions to show.' } },
  }),
  inputs: { predictions: { kind: predictions, many: true } },
  outputs: { table: { kind: file } },
  determinism: 'bytes',
  light: true,
  run: async () => ({ default: run }),
})

export default definePlugin({ name: 'side-by-side', api: 1, stages: [sideBySide] })
