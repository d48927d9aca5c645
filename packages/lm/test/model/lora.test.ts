import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { initializeLlama, initializeLora } from '../../src/model/initialize.js'
import { parseLlamaConfig } from '../../src/model/llama-config.js'
import { loraParameters, loraTargets, type LoraOptions } from '../../src/model/lora.js'
import { mergeLora } from '../../src/model/merge-lora.js'

const config = parseLlamaConfig({ model_type: 'llama', hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, intermediate_size: 96, vocab_size: 501 })
const options: LoraOptions = { rank: 4, alpha: 8, rslora: false, targetModules: ['q_proj', 'v_proj'] }

test('target modules are chosen by the end of their names, and by all-linear without the head', () => {
  assert.equal(loraTargets(config, options).map(t => t.module), [0, 1].flatMap(i => [`model.layers.${i}.self_attn.q_proj`, `model.layers.${i}.self_attn.v_proj`]))
  assert.is(loraTargets(config, { ...options, targetModules: 'all-linear' }).length, 14)
  assert.equal(loraTargets(config, { ...options, targetModules: ['model.layers.1.mlp.up_proj'] }).map(t => t.module), ['model.layers.1.mlp.up_proj'])
})

test('a target module that is not there is named with those that are', () => {
  assert.throws(() => loraTargets(config, { ...options, targetModules: ['q_proj', 'c_attn'] }),
    (e: Error) => e.message === '"target_modules" names "c_attn", which is none of this model\'s linear layers (q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj)')
})

test('factors have the names and shapes that PEFT stores', () => {
  assert.equal(loraParameters(config, options).slice(2, 4), [
    { name: 'base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight', shape: [4, 64], dtype: 'float32' },
    { name: 'base_model.model.model.layers.0.self_attn.v_proj.lora_B.weight', shape: [32, 4], dtype: 'float32' },
  ])
})

const moments = (x: Float32Array): [number, number] => {
  const mean = x.reduce((a, b) => a + b, 0) / x.length
  return [mean, Math.sqrt(x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length)]
}

test('fresh weights are normal with the deviation of the config, norms are one', async () => {
  const [mean, deviation] = moments(await initializeLlama(config, 7).read('model.embed_tokens.weight'))
  assert.ok(Math.abs(mean) < 4e-4, `mean ${mean}`) // 32,064 numbers: 0.02/√32064 is 1.1e-4
  assert.ok(Math.abs(deviation - 0.02) < 4e-4, `deviation ${deviation}`)
  assert.ok((await initializeLlama(config, 7).read('model.norm.weight')).every(x => x === 1))
})

test('a fresh adapter has A uniform in ±1/√in and B zero', async () => {
  const adapter = initializeLora(config, { ...options, rank: 64 }, 7)
  const a = await adapter.read('base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight')
  const [mean, deviation] = moments(a)
  assert.ok(a.every(x => Math.abs(x) <= 1 / 8))
  assert.ok(Math.abs(mean) < 0.005 && Math.abs(deviation - 1 / 8 / Math.sqrt(3)) < 0.003, `mean ${mean}, deviation ${deviation}`)
  assert.ok((await adapter.read('base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight')).every(x => x === 0))
})

test('a tensor depends on seed and name alone: not on the order of reading, nor on how many layers there are', async () => {
  const name = 'model.layers.1.mlp.up_proj.weight'
  const first = await initializeLlama(config, 7).read(name)
  const source = initializeLlama({ ...config, layers: 9 }, 7)
  await source.read('model.layers.8.mlp.up_proj.weight')
  assert.equal(await source.read(name, new Float32Array(first.length)), first)
  assert.not.equal(await initializeLlama(config, 8).read(name), first)
  assert.not.equal(await initializeLlama(config, 7).read('model.layers.0.mlp.up_proj.weight'), first)
})

test('merging a fresh adapter changes nothing; layers without an adapter are as they were', async () => {
  const base = initializeLlama(config, 7)
  const merged = mergeLora(config, base, initializeLora(config, options, 7), options)
  for (const name of ['model.layers.0.self_attn.q_proj.weight', 'model.layers.0.mlp.up_proj.weight', 'model.norm.weight']) {
    assert.equal(await merged.read(name), await base.read(name))
  }
})

test.run()
