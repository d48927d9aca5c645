import type { InputPorts } from 'hone-engine'
import { builtInMetrics } from 'hone-lm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { metricNames } from '../../src/evaluate/metric-names.js'
import { score, type ScoreParams } from '../../src/evaluate/score.js'
import { runStage } from '../context.js'
import { failure } from './failure.js'

const predictions = [
  { id: 'a', prompt: '?', prediction: 'The CSS property.', reference: 'CSS property', task: 'kind' },
  { id: 'b', prompt: '?', prediction: 'color', reference: 'color', task: 'name' },
  { id: 'c', prompt: '?', prediction: 'margin', reference: 'padding top', task: 'name' },
]

test('the names that the schema lists are the metrics that there are', () => {
  assert.equal([...metricNames], builtInMetrics.map(m => m.name))
})

test('predictions get scores by row, in their order, and metrics in total and by task', async () => {
  const ran = await runStage(score, { inputs: { predictions } })
  assert.equal(await ran.rows('scores'), [
    { id: 'a', task: 'kind', exact_match: 0, exact_match_normalized: 1, f1: 1 },
    { id: 'b', task: 'name', exact_match: 1, exact_match_normalized: 1, f1: 1 },
    { id: 'c', task: 'name', exact_match: 0, exact_match_normalized: 0, f1: 0 },
  ])
  const metrics = JSON.parse(await ran.text('metrics'))
  assert.is(metrics.rows, 3)
  assert.is(metrics.exact_match, 1 / 3)
  assert.ok(Math.abs(metrics.exact_match_stderr - 1 / 3) < 1e-12)
  assert.is(metrics['kind/exact_match_normalized'], 1)
  assert.is(metrics['name/exact_match'], 0.5)
  assert.equal(ran.metrics, metrics)
})

test('any rows are scored by the columns that the parameters name, with several references', async () => {
  const ran = await runStage(score, {
    params: { prediction: 'answer', reference: 'gold', metrics: ['exact_match'] },
    inputs: { rows: [{ answer: 4, gold: ['four', 4] }, { answer: 'x', gold: 'y' }] },
  })
  const scores = await ran.rows('scores')
  assert.equal(scores.map(r => r.exact_match), [1, 0])
  assert.equal(scores.map(r => /^[0-9a-f]{16}$/.test(r.id)), [true, true])
  assert.equal(JSON.parse(await ran.text('metrics')), { rows: 2, exact_match: 0.5, exact_match_stderr: 0.5 })
})

test('a column that is not there fails at the parameter that names it, with the columns that are', async () => {
  const e = await failure(runStage(score, { params: { reference: 'gold' }, inputs: { rows: [{ prediction: 'x', answer: 'y' }] } }))
  assert.is(e.message, 'Row 1 has no column "gold"; it has "prediction", "answer"')
  assert.is(e.param, 'reference')
})

test('no row at all is a failure, not a metric of nothing', async () => {
  const e = await failure(runStage(score, { inputs: { predictions: [] } }))
  assert.is(e.message, 'There is no row to score')
})

test('rows and predictions stand in for one another, and predictions are asked for when neither is given', async () => {
  const asked = (given: readonly string[]) => Object.entries((score.inputs as (params: unknown, given: readonly string[]) => InputPorts)({}, given)).filter(([, { optional }]) => !optional).map(([name]) => name)
  assert.equal([asked([]), asked(['rows'])], [['predictions'], []])
  const problems = (ports: readonly string[]) => score.check!({ params: {} as ScoreParams, inputs: {}, upstream: Object.fromEntries(ports.map(port => [port, []])) })
  assert.equal(await problems(['rows']), [])
  assert.equal(await problems(['rows', 'predictions']), [{ message: 'the inputs "predictions" and "rows" exclude each other', hint: 'Keep one of them.' }])
})

test.run()
