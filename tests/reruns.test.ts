// The table of reruns in docs/caching.md, line by line through the command: what is changed, what runs again, and what `hone why` says.
// What the table says is what is expected here, so that the page cannot say anything else than what happens.
import { readFileSync, rmSync, statSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, shell, type Ended } from './rig.js'
import { root } from './sources.js'

const test = suite('reruns')

const rows = (port: string, name: string) => `echo "{\\"${name}\\":$(wc -${name[0]} < "$HONE_INPUT_${port}")}" > "$HONE_OUTPUT_TO"`
// Waits while a file is there, so that a test can write to what it reads.
const noting = `cat notes/*.txt > /dev/null; touch reading; while [ -e hold ]; do sleep 0.02; done; ${rows('PAIRS', 'lines')}`
const pipeline = `name: colours
params: { shout: false, mark: "!" }
plugins: [./plugins/words.ts]
stages:
  table: { uses: ingest/table, with: { path: data/colours.csv } }
  spoken:
    uses: words/speak
    inputs: { rows: table }
    with: { shout: "\${{ params.shout }}", mark: "\${{ params.mark }}" }
  pairs:
    uses: qa-convert/template
    inputs: { rows: spoken }
    with: { user: "What is {{name}}?", assistant: "{{said}}" }
  count:
    uses: command/shell
    inputs: { pairs: pairs.examples }
    with: { command: ${JSON.stringify(noting)}, files: ["notes/*.txt", "more/*.txt"], outputs: { to: rows } }
    env: [UNIT]
  size: ${shell(rows('COUNT', 'chars'), '', 'count: count')}
`
const tone = (version: string, ofPitch = '1.0.0') => ({
  'node_modules/tone/package.json': `{"name":"tone","version":"${version}","type":"module","exports":"./index.js","dependencies":{"pitch":"^1.0.0"}}`,
  'node_modules/tone/index.js': "import { pitch } from 'pitch'\nexport const tone = text => pitch(text)\n",
  'node_modules/pitch/package.json': `{"name":"pitch","version":"${ofPitch}","type":"module","exports":"./index.js","dependencies":{"tone":"^1.0.0"}}`,
  'node_modules/pitch/index.js': 'export const pitch = text => text\n',
})
const colours = 'name,is\nsky,blue\ngrass,green\nrose,red\n'
const files = {
  'pipeline.yaml': pipeline,
  'data/colours.csv': colours,
  'notes/one.txt': 'one\n', 'notes/three.txt': 'three\n', 'more/zero.txt': 'zero\n',
  'plugins/words.ts': `import { definePlugin, defineStage, params } from 'hone-engine'
import { rows } from 'hone-plugins'
const speak = defineStage({
  id: 'words/speak', version: 1, summary: 'Says it.', determinism: 'bytes',
  params: params({ type: 'object', additionalProperties: false, properties: {
    shout: { type: 'boolean' }, mark: { type: 'string' }, times: { type: 'integer', default: 1 },
  } }),
  inputs: { rows: { kind: rows } }, outputs: { rows: { kind: rows } },
  run: () => import('./words/run.js'),
})
export default definePlugin({ name: 'words', api: 1, stages: [speak] })
`,
  'plugins/words/run.ts': `import { say } from './say.js'
export default async function run({ params, inputs, outputs }) {
  for await (const row of inputs.rows) await outputs.rows.write({ ...row, said: say(row.is, params) })
}
`,
  'plugins/words/say.ts': `import { tone } from 'tone'
import { loud } from './voice/loud.js'
export const say = (word, { shout, mark, times }) => tone((shout ? loud(word) : word) + mark.repeat(times))
export const unused = () => 1
`,
  'plugins/words/voice/loud.ts': 'export const loud = word => word.toUpperCase()\n',
  ...tone('1.0.0'),
}
let project = Project.make(files)

interface Change {
  /** Of both commands. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly runArgs?: readonly string[]
  readonly make?: () => void | Promise<void>
  /** Beyond writing the files again. */
  readonly undo?: () => void
}
const edit = (name: string, from: string, to: string): Change => ({ make: () => project.edit(name, from, to) })
const write = (written: Readonly<Record<string, string>>): Change => ({ make: () => project.write(written) })
const remove = (...names: string[]) => () => names.forEach(name => rmSync(project.path(name), { force: true }))
const spokenHas = (text: string): Change => edit('pipeline.yaml', '    uses: words/speak', `    uses: words/speak\n${text}`)
const link = (target: string) => {
  remove('data/colours.csv')()
  symlinkSync(target, project.path('data/colours.csv'))
}
// A year ahead, in every process of the run.
const aheadOfTime = `data:text/javascript,${encodeURIComponent('const now = Date.now; Date.now = () => now() + 366 * 86400000')}`

/** By the first cell of its line. */
const changes: Readonly<Record<string, Change>> = {
  'a comment, blank lines, quotes in the YAML': write({ 'pipeline.yaml': `# About colours.\n\n${pipeline.replace('name: colours', 'name: "colours"   # the name').replace('rows: table', "rows: 'table'")}` }),
  'the order of keys in the YAML': write({
    'pipeline.yaml': pipeline
      .replace('    uses: words/speak\n    inputs: { rows: table }\n', '    inputs: { rows: table }\n    uses: words/speak\n')
      .replace('user: "What is {{name}}?", assistant: "{{said}}"', 'assistant: "{{said}}", user: "What is {{name}}?"'),
  }),
  'the name of a stage, `spoken` → `uttered`': write({ 'pipeline.yaml': pipeline.replaceAll('spoken', 'uttered') }),
  'the name or the description of the pipeline': edit('pipeline.yaml', 'name: colours', 'name: colors\ndescription: All of them.'),
  'a default written out': edit('pipeline.yaml', 'mark: "${{ params.mark }}"', 'mark: "${{ params.mark }}", times: 1'),
  'a comment in the plugin': edit('plugins/words/say.ts', 'export const say', '// Loudly, if asked.\nexport const say'),
  'the format of the plugin’s code': edit('plugins/words/run.ts', '  for await (const row of inputs.rows) ', '  /* each */\n  for await (const row of inputs.rows)\n    '),
  'a function that no stage reaches': edit('plugins/words/say.ts', '() => 1', '() => 2'),
  'a function two files away from the stage’s `run`': edit('plugins/words/voice/loud.ts', 'word.toUpperCase()', '`${word}`.toUpperCase()'),
  'the same, and it gives something else': edit('plugins/words/say.ts', 'mark.repeat(times)', 'mark.repeat(times + 1)'),
  'types in the code, the file in which a function stands': {
    make: () => {
      project.write({ 'plugins/words/loud.ts': files['plugins/words/voice/loud.ts'].replace('word =>', '(word: string): string =>') })
      project.edit('plugins/words/say.ts', './voice/loud.js', './loud.js')
    },
    undo: () => remove('plugins/words/loud.ts')(),
  },
  'the name of a variable in the code': write({ 'plugins/words/say.ts': files['plugins/words/say.ts'].replaceAll('(word', '(text').replaceAll(': word)', ': text)') }),
  'what else the plugin says of the stage: `summary`, `light`, `determinism`': edit('plugins/words.ts', "summary: 'Says it.', determinism: 'bytes'", "summary: 'Says that.', light: true, determinism: 'none'"),
  'the `version` of the stage': edit('plugins/words.ts', "'words/speak', version: 1", "'words/speak', version: 2"),
  'a parameter that the stage did not have, with a default': edit('plugins/words.ts', 'times: {', "twice: { type: 'boolean', default: false }, times: {"),
  'the version of a package that the plugin imports': write(tone('1.0.1')),
  'the version of a package that this one depends on': write(tone('1.0.0', '1.0.1')),
  'the code of a package in `node_modules`, edited under its old version: see below': edit('node_modules/pitch/index.js', '=> text', '=> `${text}.`'),
  'a row of data': edit('data/colours.csv', 'rose,red', 'rose,pink'),
  'a row more': edit('data/colours.csv', 'rose,red\n', `rose,red\n${'snow,white\n'.repeat(7)}`),
  'the order of two rows': edit('data/colours.csv', 'sky,blue\ngrass,green\n', 'grass,green\nsky,blue\n'),
  'how lines end: an upstream that gives equal bytes': edit('data/colours.csv', 'rose,red\n', 'rose,red\r\n'),
  'a file that a glob finds': write({ 'notes/two.txt': 'two\n' }),
  'a file that moves from the folder of one pattern to that of another': { make: () => (remove('notes/three.txt')(), project.write({ 'more/three.txt': 'three\n' })), undo: () => (remove('more/three.txt')(), project.write({ 'notes/three.txt': 'three\n' })) },
  'a parameter': { args: ['--set', 'mark=?'] },
  'a parameter back to its default': { make: async () => void (await ran({ args: ['--set', 'mark=?'] })) },
  'the seed of the pipeline, 0 by default': edit('pipeline.yaml', 'stages:', 'defaults: { seed: 7 }\nstages:'),
  'the seed of one stage': spokenHas('    seed: 11'),
  'a variable that the stage’s `env` names': { env: { UNIT: 'pairs' } },
  'a variable that it does not name': { env: { WEATHER: 'fine' } },
  'threads: `--jobs 1`': { runArgs: ['--jobs', '1'] },
  '`resources`, `timeout`, `retry`, `when`, `publish`': spokenHas('    timeout: 3h\n    retry: 3\n    resources: { cpus: 2, memory: 1GiB }\n    when: "${{ !params.shout }}"\n    publish: { rows: out/spoken.jsonl }'),
  '`needs`, `description`, `uses: words/speak@1`': edit('pipeline.yaml', '    uses: words/speak', '    description: Said.\n    needs: [table]\n    uses: words/speak@1'),
  '`cache: false`': spokenHas('    cache: false'),
  'the place of the project’s folder': { make: () => void (project = project.move()) },
  'the clock, a year ahead': { env: { NODE_OPTIONS: `--import ${aheadOfTime}` } },
  'the name of the data file': { make: () => (project.write({ 'other place/list.csv': colours }), project.edit('pipeline.yaml', 'data/colours.csv', 'other place/list.csv')) },
  'a file’s mtime alone': { make: () => utimesSync(project.path('data/colours.csv'), 1e9, 1e9) },
  'a file replaced by one with the same size and mtime': {
    make: async () => {
      // A time that can be given back to the nanosecond, and a run that has seen the file with it.
      const back = () => utimesSync(project.path('data/colours.csv'), 1e9, 1e9)
      back()
      assert.is((await project.run()).code, 0)
      const before = statSync(project.path('data/colours.csv'), { bigint: true })
      remove('data/colours.csv')()
      project.write({ 'data/colours.csv': colours.replace('red', 'tan') })
      back()
      const after = statSync(project.path('data/colours.csv'), { bigint: true })
      assert.equal([after.size, after.mtimeNs], [before.size, before.mtimeNs])
    },
  },
  'a file in whose place a symlink to the same content lies': { make: () => (project.write({ 'data/same.csv': colours }), link('same.csv')), undo: remove('data/colours.csv') },
  'a symlink’s target': { make: () => (project.write({ 'data/other.csv': colours.replace('red', 'ruby') }), link('other.csv')), undo: remove('data/colours.csv') },
  'a file changed while it is read: that run fails and keeps nothing, and then': {
    make: async () => {
      project.write({ hold: '', 'notes/one.txt': 'uno\n' })
      remove('reading')()
      const running = project.start(['run', 'pipeline.yaml', '--json'])
      await running.until('it reads', () => project.has('reading'))
      project.write({ 'notes/one.txt': 'eins\n' })
      remove('hold')()
      const { failure } = (await running.ended).finished('count')
      assert.equal([failure!.reason, failure!.message], ['changed-input', 'notes/*.txt changed while the stage ran, so what it made is not kept'])
    },
  },
  'what a stage left is damaged in the store': {
    make: async () => {
      const { path } = (await project.run()).finished('pairs').outputs.examples!
      rmSync(path)
      project.write({ [path.slice(project.root.length + 1)]: 'hurt\n' })
    },
  },
}

const ran = async ({ args = [], env = {}, runArgs = [] }: Change): Promise<Ended> =>
  project.start(['run', 'pipeline.yaml', ...args, ...runArgs, '--json'], { env }).ended

/** The lines of the table, each as its cells. */
const table = /## What reruns what\n[^]*?\n\|---.*\n([^]*?)\n\n/.exec(readFileSync(join(root, 'docs/caching.md'), 'utf8'))![1]!
  .split('\n').map(line => line.slice(2, -2).split(' | '))
const cell = (names: readonly string[]) => (names.length === 5 ? 'all' : names.map(name => `\`${name}\``).join(', ') || '–')

test('the table and what is tried here are the same lines', () => {
  assert.equal(table.map(([change]) => change), Object.keys(changes))
})

test('the first time all runs, the second nothing', async () => {
  const first = await project.run()
  const stages = ['table', 'spoken', 'pairs', 'count', 'size']
  assert.equal(first.statuses, Object.fromEntries(stages.map(stage => [stage, 'ran'])), first.stderr)
  assert.equal((await project.run()).statuses, Object.fromEntries(stages.map(stage => [stage, 'hit'])))
})

for (const [change, again, kept, said] of table) test(`${change}: ${again} again`, async () => {
  const { make, undo, ...how } = changes[change!]!
  // One of the stages that run again, else one that could be thought to.
  const stage = /^`(\w+): /.exec(said!)![1]!
  try {
    await make?.()
    const why = await project.start(['why', 'pipeline.yaml', stage, ...(how.args ?? [])], how).ended
    const { statuses } = await ran(how)
    const of = (status: string) => cell(Object.keys(statuses).filter(name => statuses[name] === status))
    const words = why.stdout.trimEnd().split('\n  ').slice(1).join('`, `')
    assert.equal([change, of('ran'), of('hit'), `\`${stage}: ${words}\``], [change, again, kept, said])
  } finally {
    undo?.()
    remove('notes/two.txt')()
    project.write(files)
  }
  assert.equal(Object.values((await project.run()).statuses), Array(5).fill('hit'), 'as it was, all of it is a hit')
})

test('after the folder was moved, what runs lies in its new place', async () => {
  project = project.move()
  const { path } = (await project.run('--force=count')).finished('count').outputs.to!
  assert.ok(path.startsWith(project.root), path)
})

test.run()
