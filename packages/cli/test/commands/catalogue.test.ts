import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project } from '../../../../tests/rig.js'
import { text } from '../../../../tests/sources.js'

const test = suite('stages, schema, doctor')
const project = Project.make()

test('stages lists every stage with a sentence', async () => {
  const { stages } = (await project.hone('stages', '--json')).json as { stages: { id: string; version: number; summary: string; plugin: string }[] }
  for (const id of ['ingest/files', 'ingest/table', 'qa-convert/template', 'tokenize/train', 'tokenize/huggingface', 'tune/full', 'tune/lora', 'evaluate/qa', 'evaluate/score', 'evaluate/perplexity', 'evaluate/choice', 'error-analyze/categories', 'command/shell'])
    assert.ok(stages.some(s => s.id === id && s.summary.endsWith('.') && s.version >= 1), id)
  const lines = (await project.hone('stages')).stdout.trimEnd().split('\n')
  assert.equal(lines.map(line => line.split(/ {2,}/)), stages.map(s => [s.id, s.summary]))
})

test('stages KIND/NAME gives its ports, its parameters with their defaults, and an example', async () => {
  const one = (await project.hone('stages', 'ingest/table', '--json')).json
  assert.equal([one.id, one.inputs.file.kind, one.outputs.rows.kind], ['ingest/table', 'file', 'rows'])
  assert.ok(one.params.properties.limit && one.example.startsWith('table:\n  uses: ingest/table\n'))
  assert.match((await project.hone('stages', 'ingest/table')).stdout, /^ingest\/table \(version \d+\)\n.*\n\ninputs\n {2}file {2}file.*\n\noutputs\n[^]*\nwith\n {2}path /)
  const wrong = await project.hone('stages', 'ingest/tabel')
  assert.equal([wrong.code, wrong.stderr], [2, 'error: There is no stage "ingest/tabel". Did you mean "ingest/table"?\n'])
  assert.equal((await project.hone('stages', 'tune', '--json')).json.stages.map((s: { id: string }) => s.id), ['tune/full', 'tune/lora'], 'a kind alone lists its stages')
})

test('a stage whose ports depend on its parameters shows those that it may have; maps show what they hold', async () => {
  const { stdout } = await project.hone('stages', 'qa-convert/template')
  const told = stdout.split('\n').map(line => line.trim().replace(/ {2,}/g, ' | '))
  for (const line of ['train | examples | optional; With split: the examples to train on.', '… | as the parameters and the file say', 'keep | list of texts | Columns that go along into the examples.', 'split.test | number | The share of the rows for the port test.', 'split.column | text | The column that says train, validation or test.'])
    assert.ok(told.includes(line), line)
  const ports = async (id: string) => Object.keys(((await project.hone('stages', id, '--json')).json as { inputs: object }).inputs)
  assert.equal([await ports('evaluate/perplexity'), await ports('evaluate/score')], [['model', 'adapter', 'examples', 'documents', 'rows'], ['predictions', 'rows']])
})

test('stages KIND/NAME says by which parameters it goes on from an earlier result, and that it asks after outside data', async () => {
  const again = (text: string) => /\nwhen it runs again\n([^]*?)\n\n/.exec(text)?.[1]
  assert.is(again((await project.hone('stages', 'tune/lora')).stdout), '  It goes on from an earlier result that differs only in epochs or max_steps, where that gives the bytes of a run from nothing.')
  assert.is(again((await project.hone('stages', 'ingest/table')).stdout), undefined)
  const probing = Project.make({
    'plugin.js': `import { defineStage, definePlugin, params } from 'hone-engine'
import { rows } from 'hone-plugins'
export default definePlugin({ name: 'wire', api: 1, stages: [defineStage({
  id: 'ingest/wire', version: 1, summary: 'Rows of a wire.', params: params({ type: 'object' }), inputs: {}, outputs: { rows: { kind: rows } }, determinism: 'none',
  probe: async () => 'now', run: async () => ({ default: () => {} }),
})] })
`,
    'pipeline.yaml': 'plugins: [./plugin.js]\nstages: { wire: { uses: ingest/wire } }\n',
  })
  const of = ['ingest/wire', '--of', 'pipeline.yaml']
  assert.is(again((await probing.hone('stages', ...of)).stdout), '  Each run asks what its data outside the project is at, and fetches it again once that has changed.')
  const told = async (...args: string[]) => {
    const { probes, extends: extended } = (await probing.hone('stages', ...args, '--json')).json
    return { probes, extended }
  }
  assert.equal([await told(...of), await told('tune/full')], [{ probes: true, extended: [] }, { probes: false, extended: ['epochs', 'max_steps'] }])
})

test('the example of every stage is a pipeline without a mistake, once what it names is there', async () => {
  const { stages } = (await project.hone('stages', '--json')).json as { stages: { id: string }[] }
  const examples = await Promise.all(stages.map(async ({ id }) => (await project.hone('stages', id, '--json')).json.example as string))
  const paste = Project.make({ 'data/messages.csv': 'message,team\na,b\n', 'docs/one.md': '# One\ntext\n' })
  paste.copyIn(fileURLToPath(new URL('../../../../models/hone-tiny', import.meta.url)), 'models/hone-tiny')
  const files = examples.map((example, i) => {
    // The stages that it takes from, as commands that give such outputs.
    const givers = new Map<string, string[]>()
    for (const [, stage, port] of (/inputs: \{(.*)\}/.exec(example)?.[1] ?? '').matchAll(/([a-z-]+)\.([a-z-]+)/g)) givers.set(stage!, [...(givers.get(stage!) ?? []), port!])
    const others = [...givers].map(([id, ports]) => `  ${id}: { uses: command/shell, with: { command: x, outputs: { ${ports.map(p => `${p}: ${p}`).join(', ')} } } }\n`)
    paste.write({ [`${i}.yaml`]: `stages:\n${others.join('')}${example.replace(/^(?=.)/gm, '  ')}\n` })
    return `${i}.yaml`
  })
  assert.ok(files.length >= 13)
  assert.ok(examples.some(example => example.includes('inputs: { examples: qa-convert.examples }\n  with:\n    model: ./models/hone-tiny\n    max_length')), 'a port for several kinds is fed with what it is named for')
  const checked = await paste.hone('validate', ...files)
  assert.equal([checked.code, checked.stderr, checked.stdout], [0, '', `${files.length} files: no mistake found\n`])
})

test('schema prints the schema that is kept in the tree', async () => {
  const printed = await project.hone('schema')
  assert.is(printed.code, 0)
  assert.is(printed.stdout === text('schema/pipeline.schema.json'), true)
})

test('doctor says what this machine can do', async () => {
  const { node, cpus, engines, store, services } = (await project.hone('doctor', '--json')).json
  assert.equal([node, cpus >= 1, store.path, store.writable], [process.version, true, project.path('.hone'), true])
  assert.equal(engines.map((e: { name: string }) => e.name), ['onnx', 'eager'])
  assert.ok(services.length > 0)
})

test.run()
