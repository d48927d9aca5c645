import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LanguageServer, type Completion } from './language-server.js'
import { Project } from './rig.js'

const test = suite('writing a pipeline in an editor, with the schema that `hone schema` writes')

const plugin = `import { defineKind, definePlugin, defineStage, params } from 'hone-engine'
const ballads = defineKind({ id: 'ballads', summary: 'Poems that tell a story.', form: 'file' })
const poems = defineStage({
  id: 'ingest/poems', version: 3, summary: 'Poems of a shelf.', determinism: 'bytes',
  params: params({ type: 'object', additionalProperties: false, required: ['shelf'], properties: {
    shelf: { enum: ['upper', 'lower'], description: 'Which one.' },
    most: { type: 'integer', minimum: 1, default: 12, description: 'So many at the most.' },
    as: { enum: ['ballads'], description: 'What they come as.' },
  } }),
  inputs: { catalogue: { kind: ballads, optional: true, description: 'Where they are listed.' } },
  outputs: { poems: { kind: ballads } },
  run: async () => ({ default: () => {} }),
})
export default definePlugin({ name: 'poems', api: 1, stages: [poems], kinds: [ballads] })
`
const head = '# yaml-language-server: $schema=schema/hone.json\nplugins: [./plugins/poems.ts]\n'
// In the middle of being written: the schema must not wait until the file is right.
const project = Project.make({ 'plugins/poems.ts': plugin, 'pipeline.yaml': `${head}stages:\n  read: { uses: ingest/poems, wit: }\n` })
const file = project.path('new one.yaml')
let editor: LanguageServer

const labels = (items: readonly Completion[]) => items.map(i => i.label)
const told = (items: readonly Completion[], label: string) => {
  const { documentation } = items.find(i => i.label === label) ?? {}
  return typeof documentation === 'string' ? documentation : documentation?.value
}
const stage = (...lines: string[]) => `${head}stages:\n  one:\n${lines.map(line => `    ${line}\n`).join('')}`
const offered = (...lines: string[]) => editor.completions(file, stage(...lines))
const hover = (...lines: string[]) => editor.hover(file, stage(...lines))
const marks = async (...lines: string[]) => (await editor.marks(project.path(`${lines.join()}.yaml`.replaceAll('/', ' ')), stage(...lines))).map(m => `${m.range.start.line + 1}:${m.range.start.character + 1} ${m.message}`)

test.before(async () => {
  const wrote = await project.hone('schema', 'pipeline.yaml', '--out', 'schema/hone.json')
  assert.equal([wrote.code, wrote.stdout, wrote.stderr], [0, '', ''])
  editor = await new LanguageServer().start()
})
test.after(() => editor.stop())

test('`uses` offers every stage, those of the project’s plugins too, each with what it does, takes and gives', async () => {
  const stages = await offered('uses: │')
  assert.ok(['tune/lora', 'tune/full', 'evaluate/qa', 'ingest/poems'].every(id => labels(stages).includes(id)), labels(stages).join())
  assert.is(told(stages, 'ingest/poems'), 'Poems of a shelf.\n\nTakes catalogue?; gives poems.')
  assert.match(told(stages, 'qa-convert/template')!, /gives examples, rejected\?, train\?, validation\?, test\?\.$/)
})

test('`with` offers the parameters of the stage that `uses` names, wherever it stands, and their values', async () => {
  assert.equal(labels(await offered('uses: ingest/poems', 'with:', '  │')), ['shelf', 'ingest/poems', 'most', 'as'])
  assert.equal(labels(await offered('with:', '  │', 'uses: ingest/poems@3')), ['shelf', 'ingest/poems', 'most', 'as'], 'the second is all that is required')
  const lora = await offered('uses: tune/lora', 'with:', '  │')
  const full = await offered('uses: tune/full', 'with:', '  │')
  assert.ok(labels(lora).includes('rank') && !labels(full).includes('rank') && labels(full).includes('init'))
  assert.equal([told(lora, 'rank'), lora.find(i => i.label === 'rank')!.insertText], ['The rank of each update. Default: 8.', 'rank: ${1:8}'])
  assert.equal(labels(await offered('uses: ingest/poems', 'with:', '  shelf: │')), ['upper', 'lower'])
  assert.equal(labels(await offered('uses: qa-convert/template', 'with:', '  split:', '    │')).slice(0, 3), ['validation', 'test', 'column'])
  assert.ok(labels(await offered('uses: tune/lora', 'with: { r│ }')).includes('rank'), 'also between braces')
})

test('ports are offered with their kinds: those of `inputs`, those of `publish`, and the kinds of a command', async () => {
  const inputs = await offered('uses: evaluate/qa', 'inputs:', '  │')
  assert.equal(labels(inputs), ['model', 'adapter', 'examples', 'shots', 'template_from'])
  assert.match(told(inputs, 'shots')!, /^examples \(optional\): /)
  assert.is(told(await offered('uses: ingest/poems', 'inputs:', '  │'), 'catalogue'), 'ballads (optional): Where they are listed.')
  assert.equal(labels(await offered('uses: tune/lora', 'publish:', '  │')), ['model', 'adapter', 'metrics', 'report'])
  assert.is(told(await offered('uses: ingest/poems', 'publish:', '  │'), 'poems'), 'ballads: Poems that tell a story.')
  const kinds = await offered('uses: command/shell', 'with:', '  outputs:', '    made: │')
  assert.is(told(kinds, 'documents'), 'JSONL: id, title, text, source.')
})

test('a stage and a file offer their keys, each with a sentence', async () => {
  for (const items of [await offered('│'), await editor.completions(file, '# yaml-language-server: $schema=schema/hone.json\n│')]) {
    const keys = items.filter(i => i.insertText?.startsWith(`${i.label}:`))
    assert.ok(keys.length >= 7)
    for (const key of keys) assert.ok(told(items, key.label), key.label)
  }
})

test('hover tells what stands under the cursor: stage, parameter with its default, port, value of a key', async () => {
  assert.match(await hover('uses: ingest/po│ems'), 'Poems of a shelf.\n\nTakes catalogue?; gives poems.')
  assert.match(await hover('uses: ingest/poems', 'with: { mo│st: 3 }'), 'So many at the most. Default: 12.')
  assert.match(await hover('uses: evaluate/qa', 'inputs: { sho│ts: one }'), 'examples (optional): Examples that are shown before each question.')
  assert.match(await hover('uses: ingest/poems', 'time│out: 2h'), 'Of each attempt.')
})

test('what is wrong is marked where it stands, and what is right is not', async () => {
  assert.equal(await marks('uses: ingest/poems', 'with: { shelf: upper, most: "${{ params.n }}" }', 'inputs: { catalogue: x.y }'), [])
  assert.equal(await marks('uses: tune/full', 'with: { rank: 8, model: m }', 'inputs: { tokens: x }'), [], 'a parameter of a sister stage may stay')
  assert.equal(await marks('uses: ingest/poms'), ['5:11 No plugin of the project has this stage; `hone stages` lists those that there are.'])
  assert.equal(await marks('uses: ingest/poems', 'with: { shelf: middle }'), ['6:20 Value is not accepted. Valid values: "upper", "lower".'])
  assert.equal(await marks('uses: ingest/poems', 'with: { shelf: upper, most: 0 }'), ['6:33 Value is below the minimum of 1.'])
  assert.equal(await marks('uses: ingest/poems', 'with: { shelf: upper, mst: 1 }'), ['6:27 Property mst is not allowed.'])
  assert.equal(await marks('uses: ingest/poems', 'inputs: { catalog: x }'), ['6:15 Property catalog is not allowed.'])
  assert.equal(await marks('uses: ingest/poems', 'tiemout: 2h'), ['6:5 Property tiemout is not allowed.'])
  assert.equal(await marks('uses: ingest/poems', 'timeout: two hours'), ['6:14 A duration is wanted: 90s, 15m, 1h30m, or seconds as a number.'])
})

test('the pipelines of this project have no mark, with the schema of their plugins and with the one that is kept here', async () => {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const pipelines = ['quickstart', 'pretrain-tiny', 'real'].map(name => join(root, 'pipelines', `${name}.yaml`))
  assert.is((await project.hone('schema', ...pipelines, '--out', 'schema/all.json')).code, 0)
  for (const pipeline of pipelines) {
    const text = readFileSync(pipeline, 'utf8')
    assert.equal(await editor.marks(pipeline, text), [], pipeline)
    const whole = text.replace('$schema=../schema/pipeline.schema.json', `$schema=${pathToFileURL(project.path('schema/all.json')).href}`)
    assert.equal(await editor.marks(project.path(`with plugins ${pipeline.split('/').at(-1)}`), whole), [], pipeline)
  }
})

test('without the comment, by the setting `yaml.schemas` of VS Code', async () => {
  const other = await new LanguageServer({ [pathToFileURL(project.path('schema/hone.json')).href]: 'pipelines/*.yaml' }).start()
  const offered = await other.completions(project.path('pipelines/a.yaml'), 'stages:\n  one:\n    uses: │')
  assert.ok(labels(offered).includes('ingest/poems'))
  other.stop()
})

test('files of two projects, and one that is not there, are refused', async () => {
  const two = Project.make({ 'pipeline.yaml': 'stages: {}\n' })
  const refused = await project.hone('schema', 'pipeline.yaml', two.path('pipeline.yaml'))
  assert.equal([refused.code, refused.stdout, refused.stderr], [2, '', `error: The files are of several projects, ${project.root} and ${two.root}; name those of one.\n`])
  assert.match((await project.hone('schema', 'none.yaml')).stderr, /there is no pipeline .*none\.yaml \(no-file\)/)
})

test.run()
