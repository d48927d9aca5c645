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

test('stages KIND/NAME gives its ports and parameters', async () => {
  const one = (await project.hone('stages', 'ingest/table', '--json')).json
  assert.equal([one.id, one.inputs, one.outputs], ['ingest/table', { file: { kind: 'file', optional: false } }, { rows: { kind: 'rows', optional: false } }])
  assert.ok(one.params.properties.limit)
  assert.match((await project.hone('stages', 'ingest/table')).stdout, /^ingest\/table \(version \d+\)\n.*\n\ninputs\n {2}file {2}file.*\n\noutputs\n[^]*\nwith\n {2}path /)
  const wrong = await project.hone('stages', 'ingest/tabel')
  assert.equal([wrong.code, wrong.stderr], [2, 'There is no stage "ingest/tabel". Did you mean "ingest/table"?\n'])
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
