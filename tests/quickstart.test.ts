// The quickstart itself, on few rows and for one epoch: what a change to it runs again, as `hone plan`, `hone why` and `hone run --json` say.
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project } from './rig.js'
import { root } from './sources.js'

const test = suite('the quickstart')

const file = 'pipelines/quickstart.yaml'
const project = Project.make()
project.copyIn(join(root, 'pipelines'), 'pipelines')
project.copyIn(join(root, 'node_modules/@vscode/web-custom-data/data'), 'node_modules/@vscode/web-custom-data/data')
mkdirSync(project.path('models'))
symlinkSync(join(root, 'models/hone-tiny'), project.path('models/hone-tiny'))
project.write({
  [file]: project.read(file).replaceAll('train: "${{ params.rows }}"', 'train: "${{ params.rows }}"\n      validation: 4\n      test: 6').replace('rows: 480', 'rows: 12').replace('epochs: 6', 'epochs: 1'),
})
const few = project.read(file)

const dataFile = 'node_modules/@vscode/web-custom-data/data/browsers.css-data.json'
const original = project.read(dataFile)

const tuning = ['tuned', 'tuned_answers', 'tuned_choices']
const controlling = ['control', 'control_answers']
const all = ['questions', 'pairs', 'tokens', 'shuffled_questions', 'shuffled_pairs', 'shuffled_tokens', ...tuning, ...controlling, 'base_answers', 'base_choices', 'errors']

const run = async (...args: string[]) => {
  const ended = await project.hone('run', file, ...args, '--json')
  assert.is(ended.code, 0, ended.stdout + ended.stderr)
  return { ran: Object.entries(ended.statuses).flatMap(([stage, status]) => (status === 'ran' ? [stage] : [])).sort(), ended }
}
/** By what is to happen, the stages; hits are left out. */
const plan = async (...args: string[]) => {
  const { json } = await project.hone('plan', file, ...args, '--json')
  const actions: Record<string, string[]> = {}
  for (const [stage, { action }] of Object.entries(json.stages as Record<string, { action: string }>)) if (action !== 'hit') (actions[action] ??= []).push(stage)
  return Object.fromEntries(Object.entries(actions).map(([action, stages]) => [action, stages.sort()]))
}
const why = async (stage: string, ...args: string[]) => (await project.hone('why', file, stage, ...args)).stdout.trimEnd().split('\n  ').slice(1)
const edit = (from: string, to: string) => project.write({ [file]: few.replace(from, () => to) })
/** As it was at first, when nothing runs. */
const undo = async () => {
  project.write({ [file]: few, [dataFile]: original })
  assert.equal((await run()).ran, [])
}

test('the first time all runs, the second nothing', async () => {
  assert.equal((await run()).ran, [...all].sort())
  assert.equal(await plan(), {})
  assert.equal((await run()).ran, [])
})

test('a comment in the plugin runs nothing', async () => {
  for (const name of ['pipelines/plugins/mdn.ts', 'pipelines/plugins/mdn/run.ts']) project.write({ [name]: `// A comment.\n${project.read(name)}` })
  assert.equal(await plan(), {})
  assert.equal(await why('questions'), ['nothing in its key differs from its last run'])
  assert.equal((await run()).ran, [])
})

test('tune/lora → tune/full runs the tuning and what comes after it', async () => {
  edit('uses: tune/lora    #', 'uses: tune/full    #')
  assert.equal(await plan(), { run: ['tuned'], undetermined: ['errors', 'tuned_answers', 'tuned_choices'] })
  assert.match((await why('tuned'))[0]!, /^uses: tune\/lora → tune\/full$/)
  assert.equal((await run()).ran, ['errors', ...tuning].sort())
  await undo()
})

test('another rank runs both tunings and what comes after them', async () => {
  assert.equal(await plan('--set', 'rank=4'), { run: ['control', 'tuned'], undetermined: ['control_answers', 'errors', 'tuned_answers', 'tuned_choices'] })
  assert.equal(await why('tuned', '--set', 'rank=4'), ['params.rank: 16 → 4'])
  assert.equal((await run('--set', 'rank=4')).ran, ['errors', ...tuning, ...controlling].sort())
  await undo()
})

test('a changed row to train on runs what is made of it; the rows to test on come out equal, and what rests on them alone is kept', async () => {
  const rows = readFileSync((await run()).ended.finished('questions').outputs['rows']!.path, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as { split: string; question: string })
  const description = rows.filter(row => row.split === 'train').map(row => row.question.split('\n\n').at(-1)!).find(text => !text.includes('___') && original.split(text).length === 2)!
  assert.ok(description)
  project.write({ [dataFile]: original.replace(description, `${description} Indeed`) })
  assert.equal((await plan())['run'], ['questions', 'shuffled_questions'])
  assert.equal(await why('questions'), ['files data: browsers.css-data.json changed'])
  assert.equal((await run()).ran, all.filter(stage => stage !== 'base_answers' && stage !== 'base_choices').sort())
  await undo()
})

test('another list of metrics generates nothing anew', async () => {
  edit('{ max_new_tokens: 24 }', '{ max_new_tokens: 24, metrics: [exact_match] }')
  assert.equal(await plan(), { run: ['tuned_answers'], undetermined: ['errors'] })
  assert.equal(await why('tuned_answers'), ['params.metrics: ["exact_match","exact_match_normalized","f1"] → ["exact_match"]'])
  const { ran, ended } = await run()
  assert.equal(ran, ['tuned_answers'], 'the predictions are the same bytes, so their analysis is kept')
  assert.is(ended.of('log').at(-1)!.message, '0 answers generated, 20 remembered')
})

test.run()
