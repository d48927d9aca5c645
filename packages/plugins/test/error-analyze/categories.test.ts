import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { builtInCategories } from '../../src/error-analyze/built-in.js'
import { categoryNames } from '../../src/error-analyze/category-names.js'
import { categories } from '../../src/error-analyze/categories.js'
import type { Answered } from '../../src/error-analyze/category.js'
import { StageFailed, runStage } from '../context.js'

test('the names that planning knows are the categories that there are', () => assert.equal([...categoryNames], builtInCategories.map(c => c.id)))

const categoryOf = (prediction: string, reference: string, more: Partial<Answered> = {}) =>
  builtInCategories.find(c => c.test({ question: 'What is the colour of the sky on a clear day at noon?', reference, prediction, knownAnswers: new Set(['css property', 'html element']), longestAnswer: 20, ...more }))?.id

for (const [id, prediction, reference] of [
  ['empty', ' \n', 'blue'],
  ['surface', 'Blue!', 'blue'],
  ['repetition-loop', 'the sky the sky the sky the sky the sky', 'blue'],
  ['repetition-loop', 'aaaaaaaaaaaaaaa', 'blue'],
  ['refusal', "I'm sorry, I cannot answer that.", 'blue'],
  ['other-answer', 'CSS property', 'HTML attribute'],
  ['goes-on', 'blue, and at night it is black', 'blue'],
  ['repeats-question', 'the colour of the sky on a clear day', 'blue'],
  ['contains-reference', 'it is mostly blue then', 'blue'],
  ['number', 'in 1943', 'in 1945'],
  ['garbled', 'небо синее', 'blue'],
  ['garbled', 'bl\uFFFDe sk', 'blue'],
  ['too-long', `${'word and other things '.repeat(3)}${'not at all what was asked for but much longer than it '.repeat(2)}`, 'blue'],
  ['cut-short', 'deep', 'deep azure tone'],
  ['spelling', 'justfy-content', 'justify-content'],
  ['overlap-high', 'purple azure tone', 'deep azure tone'],
  ['overlap-low', 'red azure things of another day', 'deep azure tone'],
  ['unrelated', 'red', 'deep azure tone'],
] as const) {
  test(`${JSON.stringify(prediction.slice(0, 30))} for ${JSON.stringify(reference)} is ${id}`, () => assert.is(categoryOf(prediction, reference), id))
}

test('every category has a test of its own above, an id of its own and a text', () => {
  assert.is(new Set(builtInCategories.map(c => c.id)).size, builtInCategories.length)
  assert.ok(builtInCategories.length >= 12)
  for (const c of builtInCategories) assert.ok(c.title && c.about)
})

test('a category looks at strange answers without hanging', () => {
  const started = Date.now()
  for (const text of ['ab '.repeat(5000), 'a'.repeat(20000), '('.repeat(3000), 'a b c d e f g h '.repeat(900) + 'x', '\u0000'.repeat(100)]) assert.type(categoryOf(text, 'blue'), 'string')
  assert.ok(Date.now() - started < 20_000)
})

const example = (id: string, question: string, answer: string, task: string) => ({ id, messages: [{ role: 'user', content: question }, { role: 'assistant', content: answer }], task })
const examples = [
  example('1', 'one <script>alert(1)</script>', 'A', 'kind'),
  example('2', 'two', 'A', 'kind'),
  example('3', 'three', 'B', 'kind'),
  example('4', 'four', 'x', 'name'),
  example('5', 'five', 'y', 'name'),
]
const answers = (...texts: string[]) => texts.map((prediction, i) => ({ id: String(i + 1), prediction }))
const analyse = (params: Record<string, unknown> = {}, predictions: readonly (readonly [string, { id: string; prediction: string }[]])[] = [['base', answers('', 'B', 'B', 'x', 'q')], ['tuned', answers('A', 'A', '<i>bold</i>', 'x', 'q')]]) =>
  runStage(categories, { params, inputs: { examples, predictions, train: [example('t1', 'q1', 'A', 'kind'), example('t2', 'q2', 'B', 'kind'), example('t3', 'q3', 'A', 'kind')] } })

test('the most frequent answer of what was trained on stands in the table, with tasks or without', async () => {
  const untold = (rows: typeof examples) => rows.map(({ id, messages }) => ({ id, messages }))
  const ran = await runStage(categories, { inputs: { examples: untold(examples), predictions: [['tuned', answers('A', 'A', 'A', 'x', 'q')]], train: untold([example('t1', 'q1', 'A', ''), example('t2', 'q2', 'B', ''), example('t3', 'q3', 'A', '')]) } })
  assert.match(await ran.text('report'), /<tr><td>all<\/td><td class="number">5<\/td><td>60\.0% [^<]*<\/td><td>A<\/td><\/tr>/)
  assert.match(await (await analyse()).text('report'), /<tr><td>kind<\/td><td class="number">3<\/td>(<td>[^<]*<\/td>){2}<td>A<\/td><\/tr>/)
})

test('outcomes, shares and paired differences are counted by task', async () => {
  const { text, metrics } = await analyse()
  const numbers = JSON.parse(await text('metrics'))
  assert.equal(numbers, metrics)
  const close = (name: string, value: number) => assert.ok(Math.abs(numbers[name] - value) < 1e-12, `${name} is ${numbers[name]}, not ${value}`)
  for (const [name, value] of Object.entries({ rows: 5, base: 0.4, tuned: 0.6, fixed: 2, broken: 1, still_wrong: 1, still_right: 1, 'kind/fixed': 2, 'name/fixed': 0, 'kind/base': 1 / 3, gain: 0.2, 'kind/gain': 1 / 3 })) close(name, value)
  // Differences 1, 1, -1, 0, 0: deviation √(14/5 / 4), over √5.
  const stderr = Math.sqrt(2.8 / 4 / 5)
  close('gain_low', 0.2 - 1.959963984540054 * stderr)
  close('gain_high', 0.2 + 1.959963984540054 * stderr)
  // "A" is right on two of three of the kind, and no answer of the task name was trained on.
  close('kind/gain_over_most_frequent', 0)
  close('category/unrelated', 2)
})

test('each row carries its answers, outcome and category', async () => {
  const { rows } = await analyse()
  assert.equal((await rows('rows')).slice(0, 3), [
    { id: '1', task: 'kind', question: 'one <script>alert(1)</script>', reference: 'A', predictions: { base: '', tuned: 'A' }, right: { base: false, tuned: true }, categories: { base: 'empty' }, outcome: 'fixed' },
    { id: '2', task: 'kind', question: 'two', reference: 'A', predictions: { base: 'B', tuned: 'A' }, right: { base: false, tuned: true }, categories: { base: 'other-answer' }, outcome: 'fixed' },
    { id: '3', task: 'kind', question: 'three', reference: 'B', predictions: { base: 'B', tuned: '<i>bold</i>' }, right: { base: true, tuned: false }, categories: { tuned: 'unrelated' }, outcome: 'broken' },
  ])
  assert.equal((await rows('patches')).map(p => [p.id, p.action, p.assistant, p.category]), [['3', 'keep', 'B', 'unrelated'], ['5', 'keep', 'y', 'unrelated']])
})

test('the report is one page, escapes what models and data say, shows every group and the credit', async () => {
  const { text } = await analyse({ credit: 'Data of <Somebody>', title: 'Errors & more' })
  const page = await text('report')
  assert.not.match(page, /<script|<i>bold/)
  for (const part of ['one &lt;script&gt;', '&lt;i&gt;bold&lt;/i&gt;', 'Data of &lt;Somebody&gt;', 'Errors &amp; more', 'Fixed: 2', 'Broken: 1', 'Nothing in common: 2', '(empty)', '<svg']) assert.ok(page.includes(part), part)
  assert.not.match(page.replaceAll('http://www.w3.org/2000/svg', ''), /https?:\/\//)
})

test('equal input gives equal bytes', async () => {
  assert.is(await (await analyse()).text('report'), await (await analyse()).text('report'))
})

test('one model alone is sorted into categories without a comparison', async () => {
  const { text, rows } = await analyse({}, [['only', answers('A', 'B', 'B', 'x', '')]])
  const numbers = JSON.parse(await text('metrics'))
  assert.is(numbers.only, 0.6)
  assert.is(numbers.fixed, undefined)
  assert.is((await rows('rows'))[0]!.outcome, undefined)
})

test('labels may be named, and one that is not there is refused', async () => {
  const { text } = await analyse({ before: 'tuned', after: 'base' })
  assert.is(JSON.parse(await text('metrics')).fixed, 1)
  try {
    await analyse({ before: 'nobody' })
    assert.unreachable('it must fail')
  } catch (e) {
    assert.is((e as StageFailed).message, 'no predictions are labelled "nobody"')
    assert.is((e as StageFailed).hint, 'The labels are base, tuned.')
  }
})

test('predictions that lack an example are refused', async () => {
  try {
    await analyse({}, [['base', answers('A')], ['tuned', answers('A', 'A', 'B', 'x', 'y')]])
    assert.unreachable('it must fail')
  } catch (e) {
    assert.is((e as Error).message, 'the predictions "base" lack 4 of the 5 examples, for example 2')
  }
})

test.run()
