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
  'named.yaml': `params: { backend: onnx }\n${pipeline.replaceAll('with: { model: ./base, learning_rate', 'with: { backend: "${{ params.backend }}", model: ./base, learning_rate')}`,
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

test('asked for TensorFlow where it or its library is not there, a run is refused before it starts, with what to do', async () => {
  if (missing === undefined) return
  const it = await project()
  for (const [args, more] of [[[], env], [['--set', 'backend=eager'], {}]] as const) {
    const ended = await it.start(['run', more === env ? 'pipeline.yaml' : 'named.yaml', ...args], { env: more }).ended
    assert.is(ended.code, 2)
    assert.match(ended.stderr, /error: The engine "eager" needs .*@tensorflow\/tfjs-node/)
    assert.match(ended.stderr, /hint: Compute with onnx, or give tfjs-node its library as docs\/backends\.md says\./)
    assert.not.ok(it.has('.hone/runs'), 'nothing was started')
  }
})

test('an engine that nobody knows is named before the start, in the environment and in the file', async () => {
  const it = await project()
  const ended = await it.start(['run', 'pipeline.yaml'], { env: { HONE_BACKEND: 'abacus' } }).ended
  assert.is(ended.code, 2)
  assert.match(ended.stderr, /^pipeline\.yaml:6:\d+ error: There is no engine "abacus" \(stage-check\)/m)
  const named = await it.hone('run', 'named.yaml', '--set', 'backend=abacus')
  assert.is(named.code, 2)
  assert.match(named.stderr, /error: "backend" must be "onnx" or "eager"; got "abacus"/)
  assert.not.ok(it.has('.hone/runs'), 'nothing was started')
})

test.run()
