import type { ArtifactHandle, StageContext } from 'hone-engine'
import { rowId } from 'hone-plugins'
import { readEntries } from './entries.js'
import type { QuestionsParams } from './glossary.js'

export default async function run({ params, inputs, outputs, fail }: StageContext<QuestionsParams>): Promise<void> {
  const { path } = inputs['glossary'] as ArtifactHandle
  for (const { term, meaning } of await readEntries(path, line => fail(`line ${line} is not \`term: meaning\``, 'path'))) {
    const [question, answer] = params.ask === 'term' ? [`What is ${meaning}?`, term] : [`What does ${term} mean?`, meaning]
    const messages = [{ role: 'user' as const, content: question }, { role: 'assistant' as const, content: answer }]
    await outputs['examples']!.write({ id: rowId({ messages }), messages })
  }
}
