import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { template } from '../../src/qa-convert/template.js'
import { StageFailed, runStage } from '../context.js'

type Rows = Record<string, unknown>[]
const convert = (rows: Rows, params: Record<string, unknown> = {}, inputs = {}) => runStage(template, { params, inputs: { rows, ...inputs } })
const messages = async (rows: Rows, params: Record<string, unknown> = {}) => (await (await convert(rows, params)).rows('examples')).map(e => e.messages.map((m: any) => [m.role, m.content]))
async function failure(run: Promise<unknown>): Promise<StageFailed> {
  try {
    await run
  } catch (e) {
    assert.instance(e, StageFailed)
    return e as StageFailed
  }
  throw new Error('it must fail')
}
const numbered = (n: number) => Array.from({ length: n }, (_, i) => ({ id: `r${i}`, question: `what is number ${i}`, answer: `it is ${i}`, group: `g${i % 40}` }))

test('templates fill columns, and a value that looks like a hole is not filled again', async () => {
  assert.equal(await messages([{ a: '{{b}}', b: 2, c: { d: 'deep' } }], { user: '{{a}} {{ c.d }}', assistant: '{{b}}', system: 'be {{b}}' }), [
    [['system', 'be 2'], ['user', '{{b}} deep'], ['assistant', '2']],
  ])
})

test('braces that make no hole are a mistake before the run, and a question without a column a warning', async () => {
  const told = async (params: object) => (await template.check!({ params: { user: '{{q}}', assistant: '{{a}}', ...params } as never, inputs: {}, upstream: {} })).map(p => [p.param, p.severity ?? 'error', p.message])
  assert.equal(await told({ user: 'What is {{question?', assistant: '{{answer}}' }), [['user', 'error', '"user" has {{question?, which is not closed as a column is']])
  assert.equal(await told({ assistant: '{{a}} {{ b } {{c}}' }), [['assistant', 'error', '"assistant" has {{ b }, which is not closed as a column is']])
  assert.equal(await told({ system: 'be {{}}', task: '{{ }}' }), [['system', 'error', '"system" has {{}}, which names no column'], ['task', 'error', '"task" has {{ }}, which names no column']])
  assert.equal(await told({ user: 'What is it?' }), [['user', 'warning', '"user" names no column: every row asks the same']])
  // Braces of JSON are text.
  assert.equal(await told({ user: '{"a":{"b":{{q}}}}', assistant: '{"x":{}} }}' }), [])
})

test('auto finds the preset by the columns', async () => {
  assert.equal(await messages([{ question: 'q', answer: 'a' }]), [[['user', 'q'], ['assistant', 'a']]])
  assert.equal(await messages([{ context: 'c', question: 'q', answers: { text: ['a', 'b'] } }]), [[['user', 'c\n\nq'], ['assistant', 'a']]])
  assert.equal(await messages([{ instruction: 'i', input: 'x', output: 'o' }]), [[['user', 'i\n\nx'], ['assistant', 'o']]])
  assert.equal(await messages([{ conversations: [{ from: 'human', value: 'h' }, { from: 'gpt', value: 'g' }] }]), [[['user', 'h'], ['assistant', 'g']]])
  assert.equal(await messages([{ messages: [{ role: 'user', content: 'h' }, { role: 'assistant', content: 'g' }] }]), [[['user', 'h'], ['assistant', 'g']]])
  assert.equal(await messages([{ text: 't' }]), [[['assistant', 't']]])
})

test('documents are taken through their own port', async () => {
  const { rows } = await runStage(template, { params: { preset: 'completion' }, inputs: { documents: [{ id: 'x', title: 't', text: 'body', source: 'a.md#t' }] } })
  assert.equal(await rows('examples'), [{ id: 'x', messages: [{ role: 'assistant', content: 'body' }], source: 'a.md#t' }])
})

test('task and kept columns go along, and the source is the row', async () => {
  const { rows } = await convert([{ id: 'x', question: 'q', answer: 'a', task: 'kind', choices: ['a', 'b'] }], { keep: ['choices'] })
  assert.equal(await rows('examples'), [{ id: 'x', messages: [{ role: 'user', content: 'q' }, { role: 'assistant', content: 'a' }], task: 'kind', source: 'x', choices: ['a', 'b'] }])
})

test('a column that no row has fails and lists those there are', async () => {
  const { message, param, hint } = await failure(convert([{ q: 1 }], { user: '{{question}}', assistant: '{{q}}' }))
  assert.equal({ message, param, hint }, { message: 'no row has the column "question"', param: 'user', hint: 'The columns are q.' })
})

test('rows that give no example are rejected with the reason', async () => {
  const { rows } = await convert([{ id: '1', question: 'q', answer: 'a' }, { id: '2', question: 'q', answer: ' ' }, { id: '3', question: 'q' }])
  assert.equal((await rows('rejected')).map(r => [r.id, r.reason]), [['2', 'the assistant message is empty'], ['3', 'the column "answer or answers or response or output or completion or target" is missing']])
})

test('when no row gives an example the stage fails with the first reason', async () => {
  assert.is((await failure(convert([{ question: 'q', answer: '' }]))).message, 'none of the 1 rows gave an example: the assistant message is empty')
})

test('a row stays in its split when others come or go', async () => {
  const split = { validation: 0.2, test: 0.2 }
  const all = await convert(numbered(400), { split })
  const some = await convert(numbered(400).filter((_, i) => i % 3 === 0), { split })
  for (const part of ['train', 'validation', 'test']) {
    const ids = new Set((await all.rows(part)).map(r => r.id))
    const few = await some.rows(part)
    assert.ok(few.length > 5)
    assert.ok(few.every(r => ids.has(r.id)), part)
  }
  const tests = (await all.rows('test')).length
  assert.ok(tests > 50 && tests < 110, `${tests} of 400 are the test`)
})

test('the splits are disjoint and together every example', async () => {
  const { rows } = await convert(numbered(200), { split: { validation: 0.1, test: 0.1 } })
  const parts = [...(await rows('train')), ...(await rows('validation')), ...(await rows('test'))].map(r => r.id).sort()
  assert.equal(parts, (await rows('examples')).map(r => r.id).sort())
})

test('groups are never split', async () => {
  const { rows } = await convert(numbered(400), { split: { test: 0.3 }, group_by: 'group', keep: ['group'] })
  const train = new Set((await rows('train')).map(r => r.group))
  const held = await rows('test')
  assert.ok(held.length > 0)
  assert.not(held.some(r => train.has(r.group)))
})

test('a column may say the split', async () => {
  const { rows } = await convert([{ question: '1', answer: 'a', s: 'train' }, { question: '2', answer: 'a', s: 'test' }], { split: { column: 's' } })
  assert.is((await rows('train')).length, 1)
  assert.is((await rows('test')).length, 1)
  assert.match((await failure(convert([{ question: '1', answer: 'a', s: 'dev' }], { split: { column: 's' } }))).message, /"dev" in "s"/)
})

test('an exact test question in train fails', async () => {
  const rows = [{ id: 'a', question: 'same', answer: '1', s: 'train' }, { id: 'b', question: 'same ', answer: '2', s: 'test' }]
  assert.is((await failure(convert(rows, { split: { column: 's' } }))).message, '1 of 1 test questions stand in train word for word, for example b and a')
})

test('equal rows fall into the same split', async () => {
  const rows = numbered(100).flatMap(({ question, answer }) => [{ question, answer }, { question, answer }])
  const { rows: out } = await convert(rows, { split: { test: 0.3 } })
  assert.ok((await out('test')).length > 0)
})

test('exact duplicates leave the first', async () => {
  const { rows } = await convert([{ id: '1', question: 'q', answer: 'a' }, { id: '2', question: 'q', answer: 'a ' }, { id: '3', question: 'q', answer: 'b' }], { deduplicate: 'exact' })
  assert.equal((await rows('examples')).map(r => r.id), ['1', '3'])
  assert.is((await rows('rejected'))[0]!.reason, 'duplicate of 1')
})

test('near duplicates leave the first', async () => {
  const long = 'the quick brown fox jumps over the lazy dog and then walks slowly home through the deep dark forest at night'
  const { rows } = await convert(
    [{ id: '1', question: long, answer: 'a' }, { id: '2', question: `${long} again`, answer: 'a' }, { id: '3', question: 'something else', answer: 'a' }],
    { deduplicate: 'near', near: 0.7 },
  )
  assert.equal((await rows('examples')).map(r => r.id), ['1', '3'])
})

test('patches drop and replace by id', async () => {
  const { rows } = await convert([{ id: '1', question: 'q', answer: 'a' }, { id: '2', question: 'q2', answer: 'a' }], {}, { patches: [{ id: '1', action: 'replace', assistant: 'better' }, { id: '2', action: 'drop' }] })
  assert.equal((await rows('examples')).map(r => [r.id, r.messages[1].content]), [['1', 'better']])
  assert.is((await rows('rejected'))[0]!.reason, 'dropped by a patch')
})

test('a split that leaves nothing to train on is seen before the run', async () => {
  const problems = await template.check!({ params: { split: { validation: 0.5, test: 0.5 }, deduplicate: 'none', near: 1 }, inputs: {}, upstream: {} })
  assert.is(problems[0]!.param, 'split')
})

test.run()
