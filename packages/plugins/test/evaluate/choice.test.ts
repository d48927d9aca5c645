import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fillWithNaN, goldenPath, wordModel, words } from '../../../lm/test/generate/word-model.js'
import { choiceQuestion } from '../../src/evaluate/choice-question.js'
import { choice } from '../../src/evaluate/choice.js'
import { runStage } from '../context.js'
import { failure } from './failure.js'
import { rowMemo } from './row-memo.js'

const golden = JSON.parse(readFileSync(goldenPath('llama-tiny-tied/golden.json'), 'utf8')) as {
  sequences: { ids: number[]; from: number }[]
  scores: { log_probabilities: number[]; greedy: number[]; last: number[] }[]
}
let tied: Awaited<ReturnType<typeof wordModel>>
test.before(async () => {
  tied = await wordModel('llama-tiny-tied')
})
test.after(() => tied.remove())
const model = () => ({ path: tied.dir, digest: 'tied' })
const near = (a: number, b: number, tolerance: number) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`)

test("log-likelihoods of continuations are transformers', with one context a choice", async () => {
  const { sequences, scores } = golden
  const row = {
    id: 'q', before: sequences.map(({ ids, from }) => words(ids.slice(0, from))), after: sequences.map(({ ids, from }) => words(ids.slice(from))), right: 1,
  }
  const ran = await runStage(choice, { params: { context: 'before', choices: 'after', gold: 'right' }, inputs: { model: model(), rows: [row] } })
  const [prediction] = await ran.rows('predictions')
  for (const [i, { from }] of sequences.entries()) {
    const own = scores[i]!.log_probabilities.slice(from - 1)
    near(prediction!.loglikelihoods[i], own.reduce((a, b) => a + b, 0), 2e-5 * own.length)
    assert.is(prediction!.greedy[i], scores[i]!.greedy.slice(from - 1).every(g => g === 1))
  }
  assert.is(prediction!.gold, 1)
})

test('accuracy is how often the likeliest choice is right, in total and by task', async () => {
  // One token a choice: `last` holds the log-probability of every token after the sequence.
  const { ids } = golden.sequences[1]!
  const byLikelihood = golden.scores[1]!.last.map((_, id) => id).sort((a, b) => golden.scores[1]!.last[b]! - golden.scores[1]!.last[a]!)
  const likely = words([byLikelihood[0]!])
  const [other, third] = [words([byLikelihood[40]!]), words([byLikelihood[60]!])]
  const rows = [
    { id: 'a', c: words(ids), x: other, y: likely, z: third, gold: likely, task: 'one' },
    { id: 'b', c: words(ids), x: likely, y: other, z: third, gold: 'A', task: 'one' },
    { id: 'c', c: words(ids), x: likely, y: other, z: third, gold: 2, task: 'two' },
  ]
  const ran = await runStage(choice, { params: { context: '{{c}}', choices: ['{{x}}', '{{y}}', '{{z}}'], gold: 'gold' }, inputs: { model: model(), rows } })
  assert.equal((await ran.rows('predictions')).map(p => [p.id, p.gold, p.prediction, p.reference]), [['a', 1, likely, likely], ['b', 0, likely, likely], ['c', 2, likely, third]])
  const metrics = JSON.parse(await ran.text('metrics'))
  assert.is(metrics.acc, 2 / 3)
  assert.is(metrics['one/acc'], 1)
  assert.is(metrics['two/acc'], 0)
  assert.is(metrics['two/acc_norm'], 0)
  assert.is(metrics.rows, 3)
})

test('shots stand before the question with their right answers, and a chat asks as a user', async () => {
  const rows = [{ id: 'q', c: 't05', o: ['t10', 't11'], g: 0 }]
  const shots = [{ id: 's', c: 't06', o: ['t12', 't13'], g: 1 }, rows[0]!]
  const params = { context: 'c', choices: 'o', gold: 'g' }
  const sums = async (params: Record<string, unknown>, inputs: Record<string, any>) => (await (await runStage(choice, { params: params as any, inputs: { model: model(), ...inputs } })).rows('predictions'))[0]!.loglikelihoods
  assert.equal(await sums(params, { rows, shots }), await sums(params, { rows: [{ ...rows[0], c: 't06 t13\n\nt05' }] }))
  assert.equal(await sums({ ...params, chat_template: true, separator: ' ' }, { rows }), await sums(params, { rows: [{ ...rows[0], c: 't90 t05 t91' }] }))
  assert.equal(
    await sums({ ...params, chat_template: true, separator: ' ' }, { rows, shots }),
    await sums(params, { rows: [{ ...rows[0], c: 't90 t06 t91 t13 t02 t90 t05 t91' }] }),
  )
})

test('a question that was scored is remembered', async () => {
  const memo = rowMemo()
  const rows = [{ id: 'q', c: 't05', o: ['t10', 't11'], g: 0 }, { id: 'r', c: 't06', o: ['t10', 't11'], g: 0 }]
  const params = { context: 'c', choices: 'o', gold: 'g' }
  const first = await runStage(choice, { params, inputs: { model: model(), rows }, memo })
  const second = await runStage(choice, { params, inputs: { model: model(), rows: rows.map(r => ({ ...r, g: 1 })).reverse() }, memo })
  assert.is(memo.computed, 2)
  assert.equal((await second.rows('predictions')).map(p => p.loglikelihoods).reverse(), (await first.rows('predictions')).map(p => p.loglikelihoods))
})

test('what a row lacks is named with its row and at the parameter that asks for it', async () => {
  const params = { context: 'c', choices: 'o', gold: 'g' }
  const wrong = async (row: Record<string, unknown>) => {
    const e = await failure(runStage(choice, { params, inputs: { model: model(), rows: [{ c: 't05', o: ['t10', 't11'], g: 0 }, row] } }))
    return [e.param, e.message]
  }
  assert.equal(await wrong({ c: 't05', g: 0 }), ['choices', 'Row 2: there is no column "o"; there is "c", "g"'])
  assert.equal(await wrong({ c: 't05', o: 't10', g: 0 }), ['choices', 'Row 2: "o" must hold a list of choices; it holds "t10"'])
  assert.equal(await wrong({ c: 't05', o: ['t10'], g: 0 }), ['choices', 'Row 2: there is one choice; two are needed to choose from'])
  assert.equal(await wrong({ c: ['a', 'b', 'c'], o: ['t10', 't11'], g: 0 }), ['context', 'Row 2: there are 3 contexts for 2 choices'])
  assert.equal(await wrong({ c: 't05', o: ['t10', 't11'], g: 2 }), ['gold', 'Row 2: 2 is none of the 2 choices: neither a place from 0 on, nor a letter from A on, nor one of "t10", "t11"'])
})

test('braces that make no hole are a mistake before the run', async () => {
  const problems = await choice.check!({ params: { context: '{{c', choices: ['{{x}}', '{{}}'], gold: 'g' } as never, inputs: {}, upstream: {} })
  assert.equal(problems.map(p => p.param), ['context', 'choices/1'])
})

test('the right answer is named by itself, by its letter or by its place, in this order', () => {
  const gold = (g: unknown, o: unknown[] = ['x', 'y', 'z']) => choiceQuestion({ c: '', o, g }, { context: 'c', choices: 'o', gold: 'g' }).gold
  assert.equal([gold('y'), gold('C'), gold(1), gold('2')], [1, 2, 1, 2])
  assert.is(gold('1', [1, 2]), 0)
  assert.is(gold('B', ['B', 'A']), 0)
})

test('a model whose weights are NaN fails, and chooses nothing', async () => {
  const damaged = await wordModel('llama-tiny-tied')
  await fillWithNaN(damaged.dir)
  const e = await failure(runStage(choice, { params: { context: 'c', choices: 'o', gold: 'g' }, inputs: { model: damaged.dir, rows: [{ c: 't05', o: ['t10', 't11'], g: 0 }] } }))
  assert.equal([e.param, e.message], ['model', 'The model gives NaN: its weights are damaged, or overflow float32'])
  await damaged.remove()
})

test.run()
