import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { adapterScale, adapterTensorName, parseAdapterTensorName, readAdapterFolder, writeAdapterFolder } from '../../src/checkpoint/peft.js'

const goldenDir = fileURLToPath(new URL('../../../../tests/golden/checkpoint/', import.meta.url))
const golden = JSON.parse(readFileSync(join(goldenDir, 'adapter.json'), 'utf8'))
const root = mkdtempSync(join(tmpdir(), 'hone adapter '))
const test = suite('adapters')
test.after(() => rmSync(root, { recursive: true }))

test('reads the adapter that PEFT wrote', async () => {
  const adapter = await readAdapterFolder(join(goldenDir, 'adapter'))
  assert.is(adapter.base, './models/base')
  assert.equal([adapter.rank, adapter.alpha, adapter.dropout, adapter.rslora], [2, 4, 0.1, true])
  assert.is(adapterScale(adapter), 4 / Math.SQRT2)
  assert.equal([...adapter.targetModules].sort(), ['q_proj', 'up_proj'])
  assert.equal(adapter.modulesToSave, ['lm_head'])
  assert.equal(adapter.modules, ['model.layers.0.mlp.up_proj', 'model.layers.0.self_attn.q_proj'])
  for (const [name, shape] of Object.entries(golden.shapes)) assert.equal(adapter.weights.shape(name), shape)
  const values = await adapter.weights.read(adapterTensorName('model.layers.0.self_attn.q_proj', 'lora_B'))
  assert.equal([...values], golden.q_proj_lora_B.map(Math.fround))
})

test('writes again, byte for byte, the weights that PEFT wrote, and the settings that it reads', async () => {
  const from = await readAdapterFolder(join(goldenDir, 'adapter'))
  const dir = join(root, 'again')
  await writeAdapterFolder(dir, { ...from, weights: from.weights.names.map(name => ({ name, shape: from.weights.shape(name), data: () => from.weights.read(name) })) })
  assert.ok(readFileSync(join(dir, 'adapter_model.safetensors')).equals(readFileSync(join(goldenDir, 'adapter/adapter_model.safetensors'))))
  const [written, peft] = [dir, join(goldenDir, 'adapter')].map(d => JSON.parse(readFileSync(join(d, 'adapter_config.json'), 'utf8')))
  // How it was initialised does not matter to who loads it.
  for (const [key, value] of Object.entries(written)) if (key !== 'init_lora_weights') assert.equal(value, peft[key], key)
})

test('names of tensors go both ways', () => {
  for (const part of ['lora_A', 'lora_B', 'weight', 'bias'] as const) {
    assert.equal(parseAdapterTensorName(adapterTensorName('model.layers.0.mlp.up_proj', part)), { module: 'model.layers.0.mlp.up_proj', part })
  }
  assert.is(parseAdapterTensorName('model.embed_tokens.weight'), undefined)
})

for (const [change, message] of [
  [{ peft_type: 'IA3' }, /is of type IA3; only LORA is read/],
  [{ r: 0 }, /"r" must be a whole number ≥ 1; got 0/],
  [{ r: 3 }, /the rank of "model\.layers\.0\.mlp\.up_proj" is not the config's r = 3/],
  [{ use_dora: true }, /uses "use_dora"/],
  [{ rank_pattern: { q_proj: 4 } }, /uses "rank_pattern"/],
  [{ bias: 'all' }, /has "bias": "all"/],
] as [object, RegExp][]) {
  test(`refuses an adapter with ${JSON.stringify(change)}`, async () => {
    const dir = join(root, 'refused')
    cpSync(join(goldenDir, 'adapter'), dir, { recursive: true })
    const path = join(dir, 'adapter_config.json')
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }))
    await readAdapterFolder(dir).then(() => assert.unreachable(), (e: Error) => assert.match(e.message, message))
  })
}

test.run()
