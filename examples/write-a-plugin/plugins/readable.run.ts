import type { ArtifactHandle, StageContext } from 'hone-engine'
import type { Row } from 'hone-plugins'
import { readingEase } from './reading-ease.js'
import type { Params } from './readable.js'

export default async function run({ params, inputs, outputs, metric, fail }: StageContext<Params>): Promise<void> {
  let [line, kept] = [0, 0]
  for await (const row of inputs['rows'] as ArtifactHandle<Row>) {
    line++
    const text = row[params.column]
    if (typeof text !== 'string') return fail(`Row ${line} has no text in the column "${params.column}"`, 'column', `Its columns are ${Object.keys(row).join(', ')}.`)
    const ease = readingEase(text)
    if (ease < params.at_least) continue
    kept++
    await outputs['rows']!.write({ ...row, ease: Math.round(ease) })
  }
  if (kept === 0) fail(`None of ${line} texts is as easy as ${params.at_least}`, 'at_least', 'Ask for less.')
  metric('kept', kept)
}
