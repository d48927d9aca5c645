import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fillWithNaN, wordModel } from '../../../lm/test/generate/word-model.js'
import { qa } from '../../src/evaluate/qa.js'
import { runStage } from '../context.js'
import { failure } from './failure.js'
import { rowMemo } from './row-memo.js'

const example = (id: string, user: string, assistant: string, task?: string) => ({
  id, messages: [{ role: 'user', content: user }, { role: 'assistant', content: assistant }], ...(task !== undefined && { task }),
})
const questions = ['t05 t06', 't07', 't08 t09 t10 t11 t12', 't13', 't14 t15', 't16 t17 t18', 't19']
const examples = questions.map((user, i) => example(`e${i}`, user, 't20 t21', i % 2 ? 'odd' : 'even'))
let tied: Awaited<ReturnType<typeof wordModel>>
test.before(async () => {
  tied = await wordModel('llama-tiny-tied')
})
test.after(() => tied.remove())
const model = () => ({ path: tied.dir, digest: 'tied' })

test('every example is answered, in order, and scored in total and by task', async () => {
  const ran = await runStage(qa, { params: { max_new_tokens: 4 }, inputs: { model: model(), examples } })
  const predictions = await ran.rows('predictions')
  assert.equal(predictions.map(p => p.id), examples.map(e => e.id))
  assert.equal(Object.keys(predictions[0]!), ['id', 'task', 'prompt', 'prediction', 'reference'])
  assert.equal(predictions.map(p => p.prompt), questions)
  for (const p of predictions) assert.match(p.prediction, /^(t\d\d( |$)){0,4}$/)
  // The same questions with these answers as references are all right.
  const right = predictions.map((p, i) => example(p.id, questions[i]!, p.prediction, i % 2 ? 'odd' : 'even'))
  const again = await runStage(qa, { params: { max_new_tokens: 4 }, inputs: { model: model(), examples: right } })
  const metrics = JSON.parse(await again.text('metrics'))
  assert.is(metrics.exact_match, 1)
  assert.is(metrics['odd/exact_match'], 1)
  assert.is(metrics['odd/rows'], 3)
  assert.equal((await again.rows('scores'))[0], { id: 'e0', task: 'even', exact_match: 1, exact_match_normalized: 1, f1: 1 })
})

test('another list of metrics generates nothing, and a new example only its own answer', async () => {
  const memo = rowMemo()
  const run = (rows: typeof examples, params: Record<string, unknown>) => runStage(qa, { params: { max_new_tokens: 4, ...params }, inputs: { model: model(), examples: rows }, memo })
  const first = await run(examples, {})
  assert.is(memo.computed, 7)
  const second = await run(examples, { metrics: ['exact_match'] })
  assert.is(memo.computed, 7)
  assert.is(await second.text('predictions'), await first.text('predictions'))
  assert.equal(Object.keys(JSON.parse(await second.text('metrics'))).filter(k => !k.includes('/')), ['rows', 'exact_match', 'exact_match_stderr'])
  await run([example('new', 't30 t31', 't20'), ...examples], {})
  assert.is(memo.computed, 8)
  await run(examples, { max_new_tokens: 5 })
  assert.is(memo.computed, 15)
})

test('predictions are the same bytes however the memo was filled', async () => {
  for (const params of [{ max_new_tokens: 6 }, { max_new_tokens: 6, temperature: 1.2, top_p: 0.9 }]) {
    const whole = await runStage(qa, { params, seed: 5, inputs: { model: model(), examples } })
    const memo = rowMemo()
    for (const part of [examples.slice(5), examples.slice(2, 4)]) await runStage(qa, { params, seed: 5, inputs: { model: model(), examples: part }, memo })
    const filled = await runStage(qa, { params, seed: 5, inputs: { model: model(), examples }, memo })
    assert.is(memo.computed, 7)
    assert.is(await filled.text('predictions'), await whole.text('predictions'))
  }
})

test('drawn answers follow the seed, and equal questions draw answers of their own', async () => {
  const twice = [example('a', 't05', 't20'), example('b', 't05', 't20')]
  const draw = async (seed: number) => (await (await runStage(qa, { params: { temperature: 3, max_new_tokens: 12 }, seed, inputs: { model: model(), examples: twice } })).rows('predictions')).map(p => p.prediction)
  const [a, b] = await draw(1)
  assert.is.not(a, b)
  assert.equal(await draw(1), [a, b])
  assert.is.not((await draw(2))[0], a)
})

test('an adapter, shots and a system message change what is asked and answered', async () => {
  const ask = async (inputs: Record<string, any>, params: Record<string, unknown> = {}) => {
    const ran = await runStage(qa, { params: { max_new_tokens: 4, ...params }, inputs: { model: model(), examples, ...inputs } })
    return { first: ran.logs.find(l => l.startsWith('The first prompt'))!, predictions: await ran.text('predictions') }
  }
  const plain = await ask({})
  assert.is(plain.first, 'The first prompt: "t90 t05 t06 t91"')
  assert.is.not((await ask({ adapter: { path: join(tied.dir, 'adapter'), digest: 'a' } })).predictions, plain.predictions)
  // A shot that is the example itself is left out.
  const shots = [example('e0', 't05 t06', 't20 t21'), example('s', 't40', 't41')]
  assert.is((await ask({ shots })).first, 'The first prompt: "t90 t40 t91 t41 t02 t90 t05 t06 t91"')
  assert.is((await ask({}, { system: 't50' })).first, 'The first prompt: "t90 t50 t90 t05 t06 t91"')
  assert.is((await ask({}, { template: 'none' })).first, 'The first prompt: "t05 t06"')
})

test('the chat template of another model can be used, but not one that the model was not trained with', async () => {
  const other = await wordModel('llama-tiny-untied', { template: '{% for m in messages %}{{ m.content }}{% endfor %} t60' })
  const ran = await runStage(qa, { params: { max_new_tokens: 2 }, inputs: { model: model(), examples, template_from: other.dir } })
  assert.is(ran.logs[0], 'The first prompt: "t05 t06 t60"')
  const trained = await wordModel('llama-tiny-tied', { hone: { template_digest: 'f'.repeat(64) } })
  const e = await failure(runStage(qa, { inputs: { model: trained.dir, examples } }))
  assert.match(e.message, /was trained with the chat template ffffffff…, and that of tokenizer_config.json is in use/)
  assert.is(e.param, 'template')
  await Promise.all([other.remove(), trained.remove()])
})

test('an example without an answer, without a question, or too long for the model is named', async () => {
  const wrong = async (rows: unknown[]) => (await failure(runStage(qa, { inputs: { model: model(), examples: rows as typeof examples } }))).message
  assert.is(await wrong([{ id: 'q', messages: [{ role: 'user', content: 't05' }] }]), 'The example q does not end with an answer of the assistant to compare with')
  assert.is(await wrong([{ id: 'q', messages: [{ role: 'assistant', content: 't05' }] }]), 'The example q is an answer without a question')
  assert.is(
    await wrong([example('long', Array.from({ length: 70 }, () => 't05').join(' '), 't20')]),
    "The prompt of the example long has 72 tokens and leaves no room for an answer: the model's context is 64",
  )
})

test('a model whose weights are cut off ends the stage at the parameter that names it', async () => {
  const broken = await wordModel('llama-tiny-tied')
  const { truncate } = await import('node:fs/promises')
  await truncate(join(broken.dir, 'model.safetensors'), 5000)
  const e = await failure(runStage(qa, { inputs: { model: broken.dir, examples } }))
  assert.is(e.param, 'model')
  await broken.remove()
})

test('a model whose weights are NaN fails, greedy or drawn, and answers nothing', async () => {
  const damaged = await wordModel('llama-tiny-tied')
  await fillWithNaN(damaged.dir)
  for (const temperature of [0, 1]) {
    const e = await failure(runStage(qa, { params: { temperature }, inputs: { model: damaged.dir, examples } }))
    assert.equal([e.param, e.message], ['model', 'The model gives NaN: its weights are damaged, or overflow float32'])
  }
  await damaged.remove()
})

test.run()
