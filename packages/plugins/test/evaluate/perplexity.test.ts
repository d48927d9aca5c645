import { readFileSync } from 'node:fs'
import type { CheckContext } from 'hone-engine'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fillWithNaN, goldenPath, wordModel, words } from '../../../lm/test/generate/word-model.js'
import { perplexity, type PerplexityParams } from '../../src/evaluate/perplexity.js'
import { runStage } from '../context.js'
import { failure } from './failure.js'
import { rowMemo } from './row-memo.js'

const { scores, rolling } = JSON.parse(readFileSync(goldenPath('generate.json'), 'utf8')).models[0] as {
  scores: { ids: number[]; log_probabilities: number[] }[]
  rolling: { window: number; nll: number }
}
const near = (a: number, b: number, tolerance: number) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`)

let tied: Awaited<ReturnType<typeof wordModel>>
test.before(async () => {
  tied = await wordModel('llama-tiny-tied')
})
test.after(() => tied.remove())
const model = () => ({ path: tied.dir, digest: 'tied' })
const documents = scores.map(({ ids }, i) => ({ id: `d${i}`, text: words(ids), ...(i === 0 && { task: 'short' }) }))
const nll = ({ log_probabilities }: (typeof scores)[0]) => -log_probabilities.reduce((a, b) => a + b, 0)

test("the loss of documents is transformers', each token but the first scored once, in total and by task", async () => {
  const ran = await runStage(perplexity, { inputs: { model: model(), documents } })
  const rows = await ran.rows('predictions')
  assert.equal(rows.map(r => [r.id, r.tokens]), scores.map(({ ids }, i) => [`d${i}`, ids.length - 1]))
  rows.forEach((r, i) => near(r.nll, nll(scores[i]!), 2e-5 * r.tokens))
  const metrics = JSON.parse(await ran.text('metrics'))
  const tokens = rows[0]!.tokens + rows[1]!.tokens
  assert.is(metrics.tokens, tokens)
  near(metrics.loss, (nll(scores[0]!) + nll(scores[1]!)) / tokens, 2e-5)
  assert.is(metrics.perplexity, Math.exp(metrics.loss))
  near(metrics['short/loss'], nll(scores[0]!) / rows[0]!.tokens, 2e-5)
})

test('a window makes the model read less at once, of any column', async () => {
  const ran = await runStage(perplexity, { params: { window: rolling.window, text: 'body' }, inputs: { model: model(), rows: [{ body: documents[1]!.text }] } })
  near((await ran.rows('predictions'))[0]!.nll, rolling.nll, 2e-5 * (scores[1]!.ids.length - 1))
})

test('of examples the answers are scored, with the token that ends them', async () => {
  const examples = [{ id: 'a', messages: [{ role: 'user', content: 't05 t06' }, { role: 'assistant', content: 't07 t08 t09' }] }]
  const ran = await runStage(perplexity, { inputs: { model: model(), examples } })
  assert.is((await ran.rows('predictions'))[0]!.tokens, 4)
  // The same text as a document, of which these are the last four tokens.
  const whole = 't90 t05 t06 t91 t07 t08 t09 t02'
  const [all, before] = await (await runStage(perplexity, { inputs: { model: model(), documents: [{ id: 'x', text: whole }, { id: 'y', text: whole.slice(0, 15) }] } })).rows('predictions')
  near((await ran.rows('predictions'))[0]!.nll, all!.nll - before!.nll, 1e-4)
})

test('what was measured is remembered by its content', async () => {
  const memo = rowMemo()
  const first = await runStage(perplexity, { inputs: { model: model(), documents }, memo })
  const again = await runStage(perplexity, { inputs: { model: model(), documents: [...documents].reverse() }, memo })
  assert.is(memo.computed, 2)
  assert.equal((await again.rows('predictions')).reverse(), await first.rows('predictions'))
})

test('a wrong column, a prefix that the tokenizer lacks and a window beyond the context are named', async () => {
  const wrong = async (params: Record<string, unknown>) => {
    const e = await failure(runStage(perplexity, { params, inputs: { model: model(), documents } }))
    return [e.param, e.message]
  }
  assert.equal(await wrong({ text: 'body' }), ['text', 'Row 1 has no column "body"; it has "id", "text", "task"'])
  assert.equal(await wrong({ prefix: 'bos' }), ['prefix', 'The tokenizer has no begin token'])
  assert.equal(await wrong({ window: 65 }), ['window', "must be ≤ 64 (the model's context); got 65"])
  const single = await failure(runStage(perplexity, { inputs: { model: model(), documents: [{ id: 'x', text: 't05' }] } }))
  assert.is(single.param, 'prefix')
})

test('a prefix that the tokenizer lacks and inputs that exclude each other are seen before the run', async () => {
  const params = { text: 'text', prefix: 'bos', chat_template: false } as const
  const named = { model: [{ path: tied.dir, logicalName: '', reference: './model' }] }
  const check = (more: Partial<CheckContext<PerplexityParams>>) => perplexity.check!({ params, inputs: named, upstream: { rows: [] }, ...more })
  assert.equal(await check({}), [{ message: 'The tokenizer has no begin token', param: 'prefix', hint: 'Leave "prefix" out: the first token of a text is then not scored.' }])
  assert.equal(await check({ inputs: {} }), [], 'the model is still to be made')
  assert.equal(await check({ params: { ...params, prefix: 'none' } }), [])
  assert.equal(await check({ inputs: {}, upstream: { rows: [], documents: [] } }), [{ message: 'the inputs "documents" and "rows" exclude each other', hint: 'Keep one of them.' }])
})

test('a model whose weights are NaN fails, and is not taken to be without loss', async () => {
  const damaged = await wordModel('llama-tiny-tied')
  await fillWithNaN(damaged.dir)
  const e = await failure(runStage(perplexity, { inputs: { model: damaged.dir, documents } }))
  assert.equal([e.param, e.message], ['model', 'The model gives NaN: its weights are damaged, or overflow float32'])
  await damaged.remove()
})

test.run()
