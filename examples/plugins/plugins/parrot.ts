import type { ArtifactHandle, StageContext } from 'hone-engine'
import type { Example } from 'hone-plugins'
import type { ParrotParams } from './glossary.js'

/** The most costly call there is, for the sake of the example. */
async function answer(question: string, words: number): Promise<string> {
  const all = question.match(/\p{L}+/gu) ?? []
  return [...all].sort((a, b) => b.length - a.length || (a < b ? -1 : 1)).slice(0, words).join(' ')
}

export default async function run({ params, inputs, outputs, memo, log }: StageContext<ParrotParams>): Promise<void> {
  const rows = (async function* () {
    for await (const { id, messages } of inputs['examples'] as ArtifactHandle<Example>) yield { id, question: messages.at(-2)!.content, reference: messages.at(-1)!.content }
  })()
  let asked = 0
  // The salt holds all that an answer depends on beside its row; the code of the stage is part of it already.
  const answered = memo.map(rows, { salt: { words: params.words } }, async ([row]) => {
    asked++
    return [{ id: row!.id, prompt: row!.question, prediction: await answer(row!.question, params.words), reference: row!.reference }]
  })
  let all = 0
  for await (const prediction of answered) {
    await outputs['predictions']!.write(prediction)
    all++
  }
  log(`asked ${asked} of ${all} questions`)
}
