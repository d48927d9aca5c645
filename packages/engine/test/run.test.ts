import { readFile } from 'node:fs/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, plugin } from './project.js'

const numbers = (body = 'i') => plugin({
  'make/numbers': {
    params: "n: { type: 'integer', default: 3 }",
    run: `async ({ params, outputs, metric }) => { for (let i = 0; i < params.n; i++) await outputs.rows.write({ value: ${body} }); metric('count', params.n) }`,
  },
  'make/sum': {
    inputs: 'rows: { kind: rows }',
    run: `async ({ inputs, outputs }) => { let sum = 0; for await (const row of inputs.rows) sum += row.value; await outputs.rows.write({ value: sum }) }`,
  },
})
const pipeline = `plugins: [./plugin.ts]
stages:
  numbers: { uses: make/numbers, with: { n: 4 } }
  sum: { uses: make/sum, inputs: { rows: numbers } }
`
const statuses = (ran: { outcome: { status: string; stages?: unknown; diagnostics: readonly unknown[] } }) => {
  assert.is.not(ran.outcome.status, 'refused', JSON.stringify(ran.outcome.diagnostics, null, 1))
  return ran.outcome.stages
}

test('a pipeline runs, and again it is all hits', async () => {
  const project = await Project.make({ 'plugin.ts': numbers(), 'pipeline.yaml': pipeline })
  const first = await project.run()
  assert.equal(statuses(first), { numbers: 'ran', sum: 'ran' }, JSON.stringify(first.finished.numbers?.failure))
  assert.is(await readFile(first.finished.sum!.outputs.rows!.path, 'utf8'), '{"value":6}\n')
  assert.equal(first.finished.numbers!.metrics, { count: 4 })
  const second = await project.run()
  assert.equal(statuses(second), { numbers: 'hit', sum: 'hit' })
  assert.equal(second.finished.sum!.outputs, first.finished.sum!.outputs)
})

test.run()
