// Stages that compute operation by operation on TensorFlow, where its native library is there; where it is not, how that is told.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { loadTensorFlow, TensorFlowUnavailable } from 'hone-lm'
import { baseModel } from '../packages/plugins/test/tune/fixtures.js'
import { Project } from './rig.js'

const missing = await loadTensorFlow().then(() => undefined, (error: unknown) => {
  if (error instanceof TensorFlowUnavailable) return error.message.split('\n')[0]!.trim()
  throw error
})

const pipeline = `name: eager
stages:
  rows: { uses: ingest/table, with: { path: rows.jsonl } }
  pairs: { uses: qa-convert/template, inputs: { rows: rows }, with: { preset: qa, split: { validation: 0.2 } } }
  tokens: { uses: tokenize/huggingface, inputs: { examples: pairs.train, validation: pairs.validation }, with: { model: ./base, template: chatml, max_length: 64 } }
  tuned: { uses: tune/lora, inputs: { tokens: tokens }, with: { model: ./base, learning_rate: 0.01, batch_size: 4, max_steps: 4 } }
  answers: { uses: evaluate/qa, inputs: { model: tuned.model, examples: pairs.validation }, with: { max_new_tokens: 3 } }
  perplexity: { uses: evaluate/perplexity, inputs: { model: tuned.model, examples: pairs.validation } }
`
const colours = ['red', 'green', 'blue', 'white']
const files = {
  'pipeline.yaml': pipeline,
  'rows.jsonl': Array.from({ length: 20 }, (_, i) => `${JSON.stringify({ question: `What colour is ${i}?`, answer: colours[i % 4] })}\n`).join(''),
}
const env = { HONE_BACKEND: 'eager' }

async function project(): Promise<Project> {
  const made = Project.make(files)
  made.copyIn(await baseModel(), 'base')
  return made
}

const name = 'a pipeline runs on TensorFlow when asked, its key names what computed, and its results are kept where nothing is asked'
test(name, async () => {
  if (missing !== undefined) return console.log(`SKIP ${name}: ${missing}`)
  const it = await project()
  const compiled = await it.start(['run', 'pipeline.yaml', '--json']).ended
  const eager = await it.start(['run', 'pipeline.yaml', '--json'], { env }).ended
  assert.equal([eager.statuses.tokens, eager.statuses.tuned], ['hit', 'ran'])
  assert.match(eager.of('log').filter(e => e.stage === 'tuned').map(e => e.message).join('\n'), /operation by operation with @tensorflow\/tfjs-node/)
  for (const stage of ['tuned', 'perplexity']) {
    const loss = (run: typeof eager) => run.finished(stage).metrics?.[stage === 'tuned' ? 'eval_loss' : 'loss'] as number
    assert.ok(Math.abs(loss(eager) - loss(compiled)) <= 5e-4 * loss(compiled), `${stage}: ${loss(eager)}, compiled ${loss(compiled)}`)
  }
  const again = await it.start(['run', 'pipeline.yaml', '--json']).ended
  assert.equal([...new Set(Object.values(again.statuses))], ['hit'])
})

test('asked for TensorFlow where it does not load, a stage fails at once in the words of the loader and says what to do', async () => {
  if (missing === undefined) return
  const it = await project()
  const ended = await it.start(['run', 'pipeline.yaml', '--json'], { env }).ended
  assert.is(ended.code, 1)
  assert.equal([ended.statuses.tokens, ended.statuses.tuned, ended.statuses.answers], ['ran', 'failed', 'skipped'])
  assert.ok(ended.stdout.includes(JSON.stringify(missing).slice(1, -1)), ended.stdout)
  assert.match(ended.stdout, /docs\/backends\.md/)
})

test('an engine that nobody knows is named', async () => {
  const it = await project()
  const ended = await it.start(['run', 'pipeline.yaml', '--json'], { env: { HONE_BACKEND: 'abacus' } }).ended
  assert.is(ended.code, 1)
  assert.match(ended.stdout, /There is no engine \\"abacus\\"/)
})

test.run()
