// What plugins bring besides stages, through the real command.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { conformance } from 'hone-engine/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import glossary from '../examples/plugins/plugins/glossary.js'
import { Project } from './rig.js'
import { root } from './sources.js'

const test = suite('plugins')

const brevity = (top: number) => `import type { Metric } from 'hone-lm'
export const share = (text: string) => Math.max(0, 1 - text.length / ${top})
const metric: Metric = {
  name: 'brevity', summary: 'Short is good.',
  score: prediction => ({ brevity: share(prediction) }),
  aggregate: rows => ({ brevity: rows.reduce((sum, row) => sum + row.scores['brevity']!, 0) / rows.length }),
}
export default metric
`
const plugin = `import { defineCommand, definePlugin, params } from 'hone-engine'
import { collections } from 'hone-plugins'
const count = defineCommand<{ least: number; by_word: boolean; only?: string[] }>({
  name: 'count', summary: 'Counts.', arguments: '<text> [more...]', example: 'hone count a b',
  params: params({ type: 'object', additionalProperties: false, properties: { least: { type: 'integer', minimum: 1, default: 1, description: 'How many at least.' }, by_word: { type: 'boolean', default: false }, only: { type: 'array', items: { type: 'string' } } } }),
  run: () => import('./count.js'),
})
export default definePlugin({
  name: 'short', api: 1,
  provides: [
    { token: collections.metrics, name: 'brevity', summary: 'Short is good.', load: () => import('./brevity.js') },
    { token: collections.categories, name: 'shouts', summary: 'All capitals.', load: () => import('./shouts.js') },
    { token: collections.templates, name: 'brief', summary: 'Almost nothing around it.', load: () => import('./brief.js') },
  ],
  commands: [count],
})
`
const count = `import type { CommandContext } from 'hone-engine'
export default ({ params, args, log, fail, projectRoot }: CommandContext) => {
  if (args.length > 3) return fail('too many', 'Give three.')
  if (args[0] === 'throw') throw new TypeError('no such thing')
  log('counting')
  return args[0] === 'text' ? 'as it is' : { params, args, here: projectRoot.length > 1 }
}
`
const files = {
  'plugins/short.ts': plugin,
  'plugins/brevity.ts': brevity(10),
  'plugins/shouts.ts': "import type { Category } from 'hone-plugins'\nconst shouts: Category = { id: 'shouts', title: 'Shouts', about: 'All capitals.', test: r => r.prediction === r.prediction.toUpperCase() }\nexport default shouts\n",
  'plugins/brief.ts': "export default '{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}'\n",
  'plugins/count.ts': count,
  'data/predictions.jsonl': '{"id":"a","prompt":"?","prediction":"12345","reference":"1"}\n{"id":"b","prompt":"?","prediction":"ABC","reference":"b"}\n',
  'data/examples.jsonl': ['1', 'b'].map((answer, i) => JSON.stringify({ id: 'ab'[i], messages: [{ role: 'user', content: '?' }, { role: 'assistant', content: answer }] })).join('\n'),
  'hone.yaml': 'plugins: [./plugins/short.ts]\n',
  'pipeline.yaml': `plugins: [./plugins/short.ts]
stages:
  rows: { uses: ingest/table, with: { path: data/predictions.jsonl } }
  brief: { uses: evaluate/score, inputs: { rows: rows }, with: { metrics: [exact_match, brevity] } }
  plain: { uses: evaluate/score, inputs: { rows: rows }, with: { metrics: [exact_match] } }
  questions: { uses: ingest/table, with: { path: data/examples.jsonl } }
  examples: { uses: qa-convert/template, inputs: { rows: questions }, with: { preset: messages } }
  answers: { uses: qa-convert/template, inputs: { rows: rows }, with: { user: "{{prompt}}", assistant: "{{prediction}}" } }
`,
}

test('a metric of a plugin is scored beside those of hone; a change of it reruns what names it, a comment nothing', async () => {
  const project = Project.make(files)
  const ran = await project.run()
  assert.equal(Object.values(ran.statuses), Array.from({ length: 6 }, () => 'ran'), ran.stdout)
  assert.equal(ran.finished('brief').metrics, { rows: 2, exact_match: 0, exact_match_stderr: 0, brevity: 0.6 })
  project.write({ 'plugins/brevity.ts': `// A comment.\n${brevity(10)}`, 'plugins/shouts.ts': files['plugins/shouts.ts'].replace('===', '==') })
  assert.equal((await project.run()).of('stage-started'), [])
  project.write({ 'plugins/brevity.ts': brevity(20) })
  const why = await project.hone('why', 'pipeline.yaml', 'brief')
  assert.match(why.stdout, /metric brevity changed/)
  const again = await project.run()
  assert.equal(again.of('stage-started').map(e => e.stage), ['brief'])
  assert.is(again.finished('brief').metrics['brevity'], 0.8)
})

test('an error category and a chat template of a plugin are taken by their names', async () => {
  const project = Project.make({
    ...files,
    'pipeline.yaml': `plugins: [./plugins/short.ts]
stages:
  questions: { uses: ingest/table, with: { path: data/examples.jsonl } }
  examples: { uses: qa-convert/template, inputs: { rows: questions }, with: { preset: messages } }
  spelled: { uses: tokenize/train, inputs: { rows: questions }, with: { vocab_size: 280 } }
  tokens: { uses: tokenize/huggingface, inputs: { examples: examples, tokenizer: spelled }, with: { template: brief } }
`,
  })
  const ran = await project.run()
  assert.equal(Object.values(ran.statuses), ['ran', 'ran', 'ran', 'ran'], ran.stdout)
  project.edit('pipeline.yaml', 'template: brief', 'template: breif')
  const { code, stderr } = await project.hone('validate', 'pipeline.yaml')
  assert.is(code, 2)
  assert.match(stderr, /"template" names no chat template; got "breif"\. \(bad-parameter\)/)
  assert.match(stderr, /hint: Did you mean "brief"\?/)
})

test('a metric that throws, and one that is none, are told by name, and at the source of its plugin', async () => {
  const project = Project.make({ ...files, 'pipeline.yaml': 'plugins: [./plugins/short.ts]\nstages:\n  rows: { uses: ingest/table, with: { path: data/predictions.jsonl } }\n  brief: { uses: evaluate/score, inputs: { rows: rows }, with: { metrics: [brevity] } }\n' })
  const failure = async (metric: string) => (project.write({ 'plugins/brevity.ts': metric }), (await project.run()).finished('brief').failure!)
  const threw = await failure(brevity(10).replace('share(prediction)', "(() => { throw new Error('no text') })()"))
  assert.equal([threw.message, threw.diagnostic?.range?.file, threw.diagnostic?.range?.line], ['the metric brevity failed in score: no text', project.path('plugins/brevity.ts'), 5])
  assert.match((await failure('export default { name: "brevity" }\n')).message, /^the metric brevity must be \{ name, summary, score, aggregate \}/)
  assert.match((await failure('export default { score: () => 1, aggregate: () => ({}) }\n')).message, /^the metric brevity answers 1 in score; numbers by their names are wanted: \{ brevity: 0\.5 \}/)
})

test('the schema for editors offers what plugins provide', async () => {
  const project = Project.make(files)
  const { json } = await project.hone('schema', 'pipeline.yaml')
  const text = JSON.stringify(json)
  for (const [name, summary] of [['brevity', 'Short is good.'], ['shouts', 'All capitals.'], ['brief', 'Almost nothing around it.']]) assert.ok(text.includes(`"${name}"`) && text.includes(summary!), name)
})

test('a command of a plugin that hone.yaml names is one of hone in that project', async () => {
  const project = Project.make(files)
  const counted = await project.hone('count', 'a', 'b', '--least', '2', '--by-word', '--only', 'x', '--only', 'y', '--json')
  assert.equal([counted.code, counted.json, counted.stderr], [0, { params: { least: 2, by_word: true, only: ['x', 'y'] }, args: ['a', 'b'], here: true }, 'counting\n'])
  assert.equal((await project.hone('count', 'a')).stdout, `${JSON.stringify({ params: { least: 1, by_word: false }, args: ['a'], here: true }, null, 2)}\n`)
  assert.is((await project.hone('count', 'text')).stdout, 'as it is\n')
  const help = await project.hone('--help')
  assert.match(help.stdout, /count <text> \[more\.\.\.\] +Counts\. \(short\)/)
  const own = await project.hone('count', '--help')
  assert.match(own.stdout, /--least <integer> +How many at least\. \(default: 1\)[^]*Example:\n {2}hone count a b/)
})

test('what a command refuses, and what it throws, are told as that', async () => {
  const project = Project.make(files)
  const said = async (...args: string[]) => {
    const { code, stderr } = await project.hone('count', ...args)
    return [code, stderr.replace(/\n {4}at [^]*?(?=\n {2}hint|$)/, '')]
  }
  assert.equal(await said('a', '--least', '0'), [2, 'error: "least" must be ≥ 1; got 0\n'])
  assert.equal(await said('a', 'b', 'c', 'd'), [1, 'error: too many\n  hint: Give three.\n'])
  assert.equal(await said('throw'), [1, 'error: count failed at plugins/count.ts:4:34: TypeError: no such thing\n  hint: It comes from the plugin short.\n'])
  project.write({ 'hone.yaml': 'plugins: [./plugins/none.ts]\nstages: {}\n' })
  const broken = await project.hone('count', 'a')
  assert.is(broken.code, 2)
  assert.match(broken.stderr, /"stages" is not a key of hone\.yaml/)
  project.write({ 'hone.yaml': 'plugins: [./plugins/none.ts]\n' })
  assert.match((await project.hone('count', 'a')).stderr, /there is no plugin file \.\/plugins\/none\.ts/)
  assert.is((await project.hone('validate', 'pipeline.yaml')).code, 0, 'a pipeline does not read hone.yaml')
})

test('doctor lists each binding and who provided it; a command of the name of one of hone is a conflict', async () => {
  const project = Project.make({
    ...files,
    'plugins/store.ts': "import { definePlugin, openStore, services } from 'hone-engine'\nexport default definePlugin({ name: 'counted', api: 1, provides: [{ token: services.store, create: () => openStore }] })\n",
    'other.yaml': 'plugins: [./plugins/store.ts, ./plugins/short.ts]\nstages:\n  a: { uses: ingest/table, with: { path: data/predictions.jsonl } }\n',
  })
  const here = (await project.hone('doctor', '--json')).json
  assert.equal(here.services, [
    { name: 'executor', from: 'hone' }, { name: 'store', from: 'hone' }, { name: 'clock', from: 'hone' },
    { name: 'metric brevity', from: 'short' }, { name: 'error category shouts', from: 'short' }, { name: 'chat template brief', from: 'short' },
  ])
  assert.equal(here.commands, [{ name: 'count', from: 'short' }])
  const { stdout } = await project.hone('doctor', 'other.yaml')
  assert.match(stdout, /store +from counted, in place of hone’s\n/)
  assert.match(stdout, /metric brevity +from short\n/)
  project.edit('plugins/short.ts', 'commands: [count]', "commands: [count, { ...count, name: 'run' }]")
  for (const args of [['doctor'], ['count', 'a']]) {
    const { code, stderr } = await project.hone(...args)
    assert.is(code, 2)
    assert.match(stderr, /^hone\.yaml:1:11 error: the command run of short is also one of hone itself \(plugin-conflict\)/)
  }
})

const example = () => {
  const project = Project.make()
  project.copyIn(join(root, 'examples/plugins'), '.')
  return project
}

test('the example: a kind tells by its first line, a command looks up, a store counts what is looked for', async () => {
  const project = example()
  const ran = await project.run()
  assert.equal(JSON.parse(project.read('.hone/reads.json')).found, 0)
  assert.is(ran.finished('scored').metrics['first_letter'], 0.4)
  assert.match(readFileSync(ran.finished('errors').outputs['report']!.path, 'utf8'), /American spelling/)
  assert.match(readFileSync(join(ran.finished('tokens').outputs['proof']!.path, 'proof.txt'), 'utf8'), /Q: What is any colour between black and white\?/)
  await project.run()
  const { looked, found } = JSON.parse(project.read('.hone/reads.json'))
  assert.equal([looked, found], [6, 6])
  assert.is((await project.hone('look-up', 'grey')).stdout, 'grey: any colour between black and white\n')
  assert.equal([(await project.hone('look-up', 'blue')).code, (await project.hone('look-up')).code], [1, 2])
  project.edit('data/glossary.txt', 'hue: ', 'hue ')
  assert.match((await project.hone('validate', 'pipeline.yaml')).stderr, /its first line is "hue the part .*\(bad-artifact\)/)
})

test('the example: with its memo a stage pays for new rows only, whatever their place', async () => {
  const project = example()
  const asked = async () => (await project.run()).of('log').find(e => e.stage === 'guesses' && e.message.startsWith('asked'))?.message
  assert.is(await asked(), 'asked 5 of 5 questions')
  project.write({ 'data/glossary.txt': `shade: a colour with black in it\n${project.read('data/glossary.txt')}` })
  assert.is(await asked(), 'asked 1 of 6 questions')
  project.edit('data/glossary.txt', 'tint: a colour with white in it\n', '')
  assert.is(await asked(), 'asked 0 of 5 questions')
  project.edit('plugins/parrot.ts', 'b.length - a.length', 'a.length - b.length')
  assert.is(await asked(), 'asked 5 of 5 questions')
})

test('stages of one file remember their rows apart, and a new version of a stage forgets its own', async () => {
  const plugin = (name: string, ...stages: readonly [name: string, version: number, run: string][]) => `import { definePlugin, defineStage, params } from 'hone-engine'
import { rows } from 'hone-plugins'
export default definePlugin({ name: '${name}', api: 1, stages: [${stages.map(([name, version, run]) => `defineStage({ id: 'words/${name}', version: ${version}, summary: 'For a test.', determinism: 'bytes', light: true, params: params({ type: 'object', additionalProperties: false, properties: {} }),
  inputs: { rows: { kind: rows } }, outputs: { rows: { kind: rows } }, run: ${run} })`).join(', ')}] })
`
  const ending = (end: string) => `async ({ inputs, outputs, memo, metric }) => {
  let asked = 0
  for await (const row of memo.map(inputs.rows, { salt: null }, rows => (asked++, rows.map(({ text }) => ({ text: text + '${end}' }))))) await outputs.rows.write(row)
  metric('asked', asked)
}`
  const inline = (end: string) => `async () => ({ default: ${ending(end)} })`
  const project = Project.make({
    'two.js': plugin('two', ['loud', 1, inline('!')], ['soft', 1, inline('…')]),
    'one.js': plugin('one', ['asking', 1, "() => import('./asking.js')"]), 'asking.js': `export default ${ending('?')}\n`,
    'texts.jsonl': '{"text":"a"}\n{"text":"b"}\n',
    'pipeline.yaml': `plugins: [./two.js, ./one.js]\nstages:\n  texts: { uses: ingest/table, with: { path: texts.jsonl } }\n${['loud', 'soft', 'asking'].map(name => `  ${name}: { uses: words/${name}, inputs: { rows: texts }, publish: { rows: ${name}.jsonl } }\n`).join('')}`,
  })
  const asked = async () => {
    const ran = await project.run()
    assert.is(ran.code, 0, ran.stderr)
    return ['loud', 'soft', 'asking'].map(name => (ran.statuses[name] === 'hit' ? 'hit' : ran.finished(name).metrics!.asked))
  }
  assert.equal(await asked(), [2, 2, 2])
  assert.equal(['loud', 'soft', 'asking'].map(name => project.read(`${name}.jsonl`)), ['!', '…', '?'].map(end => `{"text":"a${end}"}\n{"text":"b${end}"}\n`))
  project.edit('one.js', 'version: 1', 'version: 2')
  assert.equal(await asked(), ['hit', 'hit', 2])
})

for (const stage of glossary.stages!) for (const { name, run } of conformance(stage, {
  'qa-convert/glossary': { params: { path: 'data/glossary.txt' }, project: join(root, 'examples/plugins'), wrong: [{ params: { path: 'README.md' }, says: /line 1 is not/ }] },
  'evaluate/parrot': { inputs: { examples: [1, 2, 3].map(i => ({ id: `e${i}`, messages: [{ role: 'user', content: `What is ${'x'.repeat(i)}?` }, { role: 'assistant', content: 'y' }] })) } },
}[stage.id])) test(`of the example ${name}`, run)

test.run()
