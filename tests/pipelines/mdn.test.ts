import { mkdtemp, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { nearIndex } from 'hone-plugins'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runStage } from '../../packages/plugins/test/context.js'
import { mdn } from '../../pipelines/plugins/mdn.js'
import { refuseLeaks } from '../../pipelines/plugins/mdn/run.js'
import { kinds, mask, shorten } from '../../pipelines/plugins/mdn/questions.js'

const folder = join(dirname(createRequire(import.meta.url).resolve('@vscode/web-custom-data/package.json')), 'data')
const data = ['browsers.css-data.json', 'browsers.html-data.json'].map(name => ['', join(folder, name)] as const)

interface Row {
  id: string
  task: 'kind' | 'name'
  split: 'train' | 'validation' | 'test'
  question: string
  answer: string
  name: string
  kind: string
  group: string
  choices: string[]
  gold: number
}
const questions = async (params: Record<string, unknown> = {}, inputs: readonly (readonly [string, string])[] = data) => (await runStage(mdn, { params, inputs: { data: inputs } })).rows<Row>('rows')
const all = await questions()
const description = (row: Row) => row.question.slice(row.question.indexOf('\n\n') + 2)

test('at least 100 questions about the kind are held out, as many of each', () => {
  const held = all.filter(r => r.split === 'test' && r.task === 'kind')
  assert.ok(held.length >= 100)
  for (const kind of kinds) assert.is(held.filter(r => r.answer === kind).length, held.length / kinds.length, kind)
})

test('the gold choice is the answer, and the four names differ', () => {
  for (const row of all) {
    assert.is(row.choices[row.gold], row.answer)
    if (row.task === 'name') assert.is(new Set(row.choices).size, 4)
  }
})

test('no group and no description like one held out is learned', () => {
  const learned = all.filter(r => r.split !== 'test')
  const groups = new Set(learned.map(r => r.group))
  const held = all.filter(r => r.split === 'test')
  assert.not(held.some(r => groups.has(r.group)))
  const index = nearIndex(learned.map(description), { threshold: 0.8 })
  assert.equal(held.filter(r => index.find(description(r)).length > 0), [])
})

test('a test description that stands in train, or one with 0.8 of its words in common, fails the run and names both', () => {
  const item = (name: string, description: string, masked = description) => ({ name, description, masked })
  const learned = item('ten', 'one two three four five six seven eight nine ten')
  const refused = (held: typeof learned) => {
    const said: string[] = []
    refuseLeaks({ train: [learned], validation: [], test: [held] }, ((message: string) => said.push(message)) as never)
    return said
  }
  assert.match(refused(item('same', learned.description))[0]!, /^the test description of same stands in train: "one two .*" is near "one two .*" \(Jaccard 1\.00\)$/)
  assert.match(refused(item('near', 'one two three four five six seven eight nine'))[0]!, /Jaccard 0\.9/)
  assert.match(refused(item('masked', 'quite another', learned.masked))[0]!, /of masked stands in train/)
  assert.equal(refused(item('other', 'one two three eleven twelve thirteen fourteen fifteen')), [])
})

test('the name of an entry is masked in its description', () => {
  assert.is(mask({ name: ':hover', description: 'The :hover class. Hover, unhovered.' }), 'The ___ class. ___, unhovered.')
  assert.is(mask({ name: 'align-self', description: "Like 'align-self', not align-self-x." }), "Like '___', not align-self-x.")
  assert.is(mask({ name: 'blur()', description: 'The blur() function blurs.' }), 'The ___ function blurs.')
  assert.is(mask({ name: '-webkit-mask', description: 'A mask; -webkit-mask.' }), 'A ___; ___.')
  assert.is(mask({ name: 'a', description: 'The a element is a link.' }), 'The ___ element is a link.')
  const told = all.filter(r => r.split === 'test' && r.name.length > 3 && new RegExp(`(?<![\\p{L}\\p{N}_-])${r.name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\p{L}\\p{N}_-])`, 'iu').test(description(r)))
  assert.equal(told.map(r => r.name), [])
})

test('long descriptions end with a sentence', () => {
  assert.is(shorten('One. Two is longer. Three.', 12), 'One.')
  assert.is(shorten('One that goes on and on.', 12), 'One that …')
})

test('shuffled answers keep how often each stands there, and leave the test as it is', async () => {
  const shuffled = await questions({ shuffle_answers: 1 })
  const answers = (rows: Row[]) => rows.filter(r => r.task === 'kind' && r.split === 'train').map(r => r.answer)
  assert.equal(answers(shuffled).toSorted(), answers(all).toSorted())
  assert.equal(shuffled.filter(r => r.split === 'test'), all.filter(r => r.split === 'test'))
  const same = answers(shuffled).filter((a, i) => a === answers(all)[i]).length / answers(all).length
  assert.ok(same < 0.3, `${same} of the answers are still right`)
})

test('fewer rows to train on are a part of more, and the test stays', async () => {
  const few = await questions({ train: 100 })
  const ids = new Set(all.map(r => r.id))
  assert.ok(few.every(r => ids.has(r.id)))
  assert.equal(few.filter(r => r.split === 'test').map(r => r.id), all.filter(r => r.split === 'test').map(r => r.id))
})

test('too few entries to hold out fail', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'hone-')), 'data.json')
  await writeFile(path, JSON.stringify({ properties: [{ name: 'one', description: 'The only entry that there is.' }] }))
  try {
    await questions({}, [['', path]])
    assert.unreachable('it must fail')
  } catch (e) {
    assert.is((e as Error).message, 'there are too few entries of the kind CSS property to hold out 22')
  }
})

test.run()
