// What reruns what: a pipeline of every sort of stage, changed in one place at a time.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project, shell } from './rig.js'

const test = suite('reruns')

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
  count: ${shell('echo "{\\"rows\\":$(wc -l < "$HONE_INPUT_PAIRS")}" > "$HONE_OUTPUT_TO"', '', 'pairs: pairs.examples')}
  size: ${shell('echo "{\\"bytes\\":$(wc -c < "$HONE_INPUT_COUNT")}" > "$HONE_OUTPUT_TO"', '', 'count: count')}
`
const files = {
  'pipeline.yaml': pipeline,
  'data/colours.csv': 'name,is\nsky,blue\ngrass,green\nrose,red\n',
  'plugins/words.ts': `import { definePlugin, defineStage, params } from 'hone-engine'
import { rows } from 'hone-plugins'
const speak = defineStage({
  id: 'words/speak', version: 1, summary: 'Says it.', determinism: 'bytes',
  params: params({ type: 'object', additionalProperties: false, properties: { shout: { type: 'boolean' }, mark: { type: 'string' } } }),
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
  'plugins/words/say.ts': `export const say = (word, { shout, mark }) => (shout ? word.toUpperCase() : word) + mark
export const unused = 1
`,
}
const project = Project.make(files)
const all = (status: string) => ({ table: status, spoken: status, pairs: status, count: status, size: status })
/** What runs again after this; then everything is as it was. */
async function ran(changes: () => void, ...args: string[]): Promise<string[]> {
  changes()
  const { statuses } = await project.run(...args)
  project.write(files)
  return Object.entries(statuses).flatMap(([stage, status]) => (status === 'ran' ? [stage] : []))
}
const edit = (name: string, from: string, to: string) => () => project.edit(name, from, to)

test('the first time all runs, the second nothing', async () => {
  const first = await project.run()
  assert.equal(first.statuses, all('ran'), first.stderr)
  assert.equal((await project.run()).statuses, all('hit'))
})

test('a comment, blank lines, quotes or another order of keys in the file change nothing', async () => {
  assert.equal(await ran(() => {
    project.write({
      'pipeline.yaml': pipeline
        .replace('name: colours', '# About colours.\n\nname: "colours"\ndescription: All of them.')
        .replace('    uses: words/speak\n    inputs: { rows: table }\n', "    inputs:\n      rows: 'table'   # from the table\n    uses: words/speak\n")
        .replace('user: "What is {{name}}?", assistant: "{{said}}"', 'assistant: "{{said}}",\n      user: "What is {{name}}?"'),
    })
  }), [])
})

test('a default written out, and a parameter set to its default, change nothing', async () => {
  assert.equal(await ran(edit('pipeline.yaml', 'inputs: { count: count }, with: {', 'inputs: { count: count }, with: { files: [],')), [])
  assert.equal(await ran(() => {}, '--set', 'shout=false'), [])
})

test('threads, timeout, retry, memory, when and publish change nothing', async () => {
  assert.equal(await ran(edit('pipeline.yaml', '    uses: words/speak', '    uses: words/speak\n    timeout: 3h\n    retry: { attempts: 3 }\n    resources: { cpus: 2, memory: 1GiB }\n    when: "${{ !params.shout }}"\n    publish: { rows: out/spoken.jsonl }')), [])
  assert.match(project.read('out/spoken.jsonl'), '"said":"blue!"')
  assert.equal(await ran(() => {}, '--jobs', '1'), [])
})

test('a stage or the pipeline under another name changes nothing', async () => {
  assert.equal(await ran(() => project.write({ 'pipeline.yaml': pipeline.replace('name: colours', 'name: colors').replaceAll('spoken', 'uttered') })), [])
})

test('a comment or another format of the code changes nothing, nor does code that is not reached', async () => {
  assert.equal(await ran(edit('plugins/words/say.ts', 'export const say', '// Loudly, if asked.\nexport const say')), [])
  assert.equal(await ran(edit('plugins/words/run.ts', '  for await (const row of inputs.rows) ', '  /* each */\n  for await (const row of inputs.rows)\n    ')), [])
  assert.equal(await ran(edit('plugins/words/say.ts', 'unused = 1', 'unused = 2')), [])
})

test('a changed function runs the stages that reach it, and what follows if it says something else', async () => {
  assert.equal(await ran(edit('plugins/words/say.ts', 'word.toUpperCase() : word) + mark', 'word.toUpperCase() : `${word}`) + mark')), ['spoken'])
  assert.equal(await ran(edit('plugins/words/say.ts', ') + mark', ') + mark + mark')), ['spoken', 'pairs', 'count'])
})

test('another parameter runs its stage and what follows until bytes come out equal; back to the default nothing', async () => {
  assert.equal(await ran(() => {}, '--set', 'shout=true'), ['spoken', 'pairs', 'count'])
  assert.equal(await ran(() => {}, '--set', 'shout=true'), [])
  assert.equal(await ran(() => {}), [])
  assert.equal((await project.hone('why', 'pipeline.yaml', 'spoken', '--set', 'mark=?', '--json')).json.nodes[0].described, ['params.mark: "!" → "?"'])
})

test('a changed row runs what reads it and stops where bytes come out equal; an added row goes further', async () => {
  assert.equal(await ran(edit('data/colours.csv', 'rose,red', 'rose,pink')), ['table', 'spoken', 'pairs', 'count'])
  assert.equal(await ran(edit('data/colours.csv', 'rose,red\n', 'rose,red\nsnow,white\n')), ['table', 'spoken', 'pairs', 'count', 'size'])
  assert.equal(await ran(edit('data/colours.csv', 'rose,red\n', 'rose,red\r\n')), ['table'], 'only how its lines end')
})

test('a file under another name, touched, or in another folder is the same file', async () => {
  assert.equal(await ran(() => {
    project.write({ 'other place/list of colours.csv': files['data/colours.csv'] })
    project.edit('pipeline.yaml', 'data/colours.csv', 'other place/list of colours.csv')
  }), [])
  assert.equal(await ran(() => project.write({ 'data/colours.csv': files['data/colours.csv'] })), [])
})

test('a project that moved, store and all, has all its results', async () => {
  const other = Project.make(files)
  assert.is((await other.run()).code, 0)
  const moved = other.move()
  assert.equal((await moved.run()).statuses, all('hit'))
  const again = await moved.run('--force=count')
  assert.equal(again.statuses, { ...all('hit'), count: 'ran' })
  assert.ok(again.finished('count').outputs.to!.path.startsWith(moved.root))
})

test('another seed runs what it reaches; the same for one stage leaves the others', async () => {
  assert.equal(await ran(edit('pipeline.yaml', 'stages:', 'defaults: { seed: 0 }\nstages:')), [], 'it is the default')
  assert.equal(await ran(edit('pipeline.yaml', '    uses: words/speak', '    uses: words/speak\n    seed: 5')), ['spoken'])
})

test.run()
