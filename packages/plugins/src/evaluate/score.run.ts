import type { ArtifactHandle, StageContext } from 'hone-engine'
import { scoreRows, type RowToScore } from 'hone-lm'
import { chosenMetrics } from './chosen-metrics.js'
import { rowIds } from '../kinds/ids.js'
import type { Row } from '../kinds/kinds.js'
import type { ScoreParams } from './score.js'
import { writeMetrics } from './write-metrics.js'

export default async function run(context: StageContext<ScoreParams>): Promise<void> {
  const { params, inputs, outputs, signal, progress, fail } = context
  const source = (inputs.predictions ?? inputs.rows) as ArtifactHandle<Row>
  const idOf = rowIds()
  const ids: string[] = []
  const rows: RowToScore[] = []
  for await (const row of source) {
    signal.throwIfAborted()
    const line = rows.length + 1
    const prediction = text(row[params.prediction]) ?? fail(wrongColumn(row, line, params.prediction, 'a string'), 'prediction')
    const references =
      list(row[params.reference]) ?? fail(wrongColumn(row, line, params.reference, 'a string, or a list of strings with at least one'), 'reference')
    ids.push(typeof row.id === 'string' ? row.id : idOf(row))
    rows.push({ prediction, references, ...(typeof row.task === 'string' && { task: row.task }) })
  }
  if (rows.length === 0) fail('There is no row to score')
  const scored = scoreRows(chosenMetrics(context), rows)
  for (const [i, id] of ids.entries()) await outputs.scores!.write({ id, ...(rows[i]!.task !== undefined && { task: rows[i]!.task }), ...scored.rows[i] })
  progress(rows.length, rows.length, 'rows')
  await writeMetrics(context, scored.metrics)
}

const text = (value: unknown) => (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined)

function list(value: unknown): string[] | undefined {
  const texts = (Array.isArray(value) ? value : [value]).map(text)
  return texts.length > 0 && texts.every(t => t !== undefined) ? texts : undefined
}

const wrongColumn = (row: Row, line: number, column: string, expected: string) =>
  column in row
    ? `Row ${line}: the column "${column}" must be ${expected}`
    : `Row ${line} has no column "${column}"; it has ${Object.keys(row).map(name => `"${name}"`).join(', ')}`
