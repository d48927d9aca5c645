// A tuning with more epochs goes on from the end of one with fewer, where that gives the bytes of one from nothing.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { baseModel } from '../packages/plugins/test/tune/fixtures.js'
import { Project, type Ended } from './rig.js'

const test = suite('longer tuning')
const base = await baseModel()

const projectOf = (uses: string, more: string, rows: readonly string[] = Array.from({ length: 32 }, (_, i) => `{"question":"What is ${i + 10}?","answer":"red"}\n`)) => {
  const project = Project.make({
    'rows.jsonl': rows.join(''),
    'pipeline.yaml': `params: { epochs: 1, most: 3 }
stages:
  rows: { uses: ingest/table, with: { path: rows.jsonl } }
  pairs: { uses: qa-convert/template, inputs: { rows: rows }, with: { preset: qa, split: { validation: 0.125 } } }
  tokens: { uses: tokenize/huggingface, inputs: { examples: pairs.train, validation: pairs.validation }, with: { model: ./base, template: chatml, max_length: 64 } }
  tuned: { uses: ${uses}, inputs: { tokens: tokens }, with: { model: ./base, learning_rate: 0.01, batch_size: 4, epochs: "\${{ params.epochs }}", ${more} } }
`,
  })
  project.copyIn(base, 'base')
  return project
}
/** 8 steps are an epoch. */
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const steps = (ran: Ended) => ran.of('metric').filter(e => e.name === 'loss').map(e => e.step)
const digests = (ran: Ended) => Object.fromEntries(Object.entries(ran.finished('tuned').outputs).map(([port, { digest }]) => [port, digest]))
const said = (ran: Ended) => ran.of('log').filter(e => e.stage === 'tuned').map(e => e.message).join('\n')

for (const uses of ['tune/full', 'tune/lora']) test(`${uses} computes only the second epoch after one of one, and its outputs are those of two epochs from nothing`, async () => {
  const project = projectOf(uses, 'schedule: constant, warmup_steps: 2')
  const one = await project.run()
  assert.equal([one.statuses.tuned, steps(one)], ['ran', range(1, 8)])
  const two = await project.run('--set', 'epochs=2')
  assert.equal(steps(two), range(9, 16), said(two))
  assert.match(said(two), /going on after step 8/)
  const fresh = await projectOf(uses, 'schedule: constant, warmup_steps: 2').run('--set', 'epochs=2')
  assert.is(steps(fresh).length, 16)
  assert.equal([digests(two), two.finished('tuned').metrics, two.finished('tuned').key], [digests(fresh), fresh.finished('tuned').metrics, fresh.finished('tuned').key])
  // In the middle of an epoch, where the longer run does not look at the held-out rows and the shorter did at its end.
  const half = await project.run('--set', 'epochs=2.5')
  assert.equal(steps(half), range(17, 20))
  const three = await project.run('--set', 'epochs=3')
  assert.equal(steps(three), range(21, 24))
  assert.equal(digests(three), digests(await project.run('--set', 'epochs=3', '--force=tuned')))
  assert.not.ok(three.events.some(e => e.type === 'nondeterministic'))
})

test('max_steps goes on as epochs do, alone or together with them; fewer steps than before are computed anew', async () => {
  const more = 'schedule: constant, warmup_steps: 2, max_steps: "${{ params.most }}"'
  const project = projectOf('tune/lora', more)
  assert.equal(steps(await project.run()), range(1, 3))
  const longer = await project.run('--set', 'most=6')
  assert.equal(steps(longer), range(4, 6), said(longer))
  const fresh = await projectOf('tune/lora', more).run('--set', 'most=6')
  assert.equal([steps(fresh), digests(longer)], [range(1, 6), digests(fresh)])
  const both = await project.run('--set', 'most=10', '--set', 'epochs=2')
  assert.equal([steps(both), digests(both)], [range(7, 10), digests(await projectOf('tune/lora', more).run('--set', 'most=10', '--set', 'epochs=2'))])
  const fewer = await project.run('--set', 'most=2')
  assert.equal(steps(fewer), range(1, 2))
  assert.match(said(fewer), /Does not go on from an earlier result: it has 6 steps, this run 2\./)
})

test('where learning rates depend on the number of steps, or batches have other shapes, it starts from nothing and says why', async () => {
  const reasons = [
    ['schedule: linear, warmup_steps: 2', /Does not go on from the result with epochs 1: with the schedule "linear" the learning rate of each step depends on how many there are/],
    ['schedule: cosine', /Does not go on from the result with epochs 1: with the schedule "cosine" the learning rate of each step depends on how many there are/],
    ['schedule: constant', /Does not go on from the result with epochs 1: its warm-up is a share of all steps; with "warmup_steps" it could/],
  ] as const
  for (const [more, reason] of reasons) {
    const project = projectOf('tune/lora', more)
    await project.run()
    const two = await project.run('--set', 'epochs=2')
    assert.match(said(two), reason)
    assert.is(steps(two).length, 16)
  }
  const project = projectOf('tune/lora', 'schedule: constant, warmup_steps: 2', Array.from({ length: 32 }, (_, i) => `{"question":"What is ${'so '.repeat((i * 7) % 13)}${i + 10}?","answer":"${'red '.repeat(1 + (i % 5))}"}\n`))
  await project.run()
  const many = await project.run('--set', 'epochs=12')
  assert.match(said(many), /Does not go on from an earlier result: with other steps its batches are computed in other shapes/)
  assert.is(steps(many)[0], 1)
})

test.run()
