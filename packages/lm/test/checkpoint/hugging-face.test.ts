import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isModelFile, openModelFolder, writeModelFolder } from '../../src/checkpoint/hugging-face.js'
import { writeSafetensors } from '../../src/checkpoint/safetensors-write.js'

const root = mkdtempSync(join(tmpdir(), 'hone model '))
let n = 0
const folder = () => {
  const dir = join(root, String(n++))
  mkdirSync(dir)
  return dir
}
const test = suite('model folders')
test.after(() => rmSync(root, { recursive: true }))
const weight = (name: string, ...values: number[]) => ({ name, shape: [values.length], data: Float32Array.from(values) })
const refuses = (promise: Promise<unknown>, message: RegExp) => promise.then(() => assert.unreachable('was not refused'), (e: Error) => assert.match(e.message, message))

test('what is written is read again', async () => {
  const dir = folder()
  await writeModelFolder(dir, {
    configJson: { model_type: 'llama', hidden_size: 4 }, weights: [weight('a', 1, 2), weight('b', 0.5)], dtype: 'bfloat16',
    generationConfig: { eos_token_id: 2 }, tokenizerFrom: { 'tokenizer.json': '{}' }, templateDigest: 'abc', extra: { 'README.md': 'hello' },
  })
  const model = await openModelFolder(dir)
  assert.equal(model.configJson, { model_type: 'llama', hidden_size: 4, dtype: 'bfloat16' })
  assert.is(model.dtype, 'bfloat16')
  assert.equal(model.generationConfig, { eos_token_id: 2 })
  assert.is(model.templateDigest, 'abc')
  assert.equal(model.files, ['config.json', 'generation_config.json', 'hone.json', 'model.safetensors', 'tokenizer.json'])
  assert.equal([...(await model.weights.read('a'))], [1, 2])
})

test('the type stands under the key that the config has already', async () => {
  const dir = folder()
  await writeModelFolder(dir, { configJson: { torch_dtype: 'float32' }, weights: [weight('a', 1)], dtype: 'float16' })
  assert.equal((await openModelFolder(dir)).configJson, { torch_dtype: 'float16' })
})

test('the tokenizer comes from another folder, without its weights', async () => {
  const from = folder()
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'model.safetensors', 'README.md']) writeFileSync(join(from, name), '{}')
  const dir = folder()
  await writeModelFolder(dir, { configJson: {}, weights: [weight('a', 1)], dtype: 'float32', tokenizerFrom: from })
  assert.equal(readdirSync(dir).sort(), ['chat_template.jinja', 'config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'])
})

test('a README is no part of a model', () => {
  assert.not(isModelFile('README.md'))
  assert.not(isModelFile('training_args.bin'))
  for (const name of ['config.json', 'model.safetensors', 'model-00001-of-00002.safetensors', 'model.safetensors.index.json', 'tokenizer.json', 'chat_template.jinja']) assert.ok(isModelFile(name), name)
})

const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const
async function sharded() {
  const dir = folder()
  writeFileSync(join(dir, 'config.json'), '{}')
  await writeSafetensors(join(dir, shards[0]), [weight('a', 1)])
  await writeSafetensors(join(dir, shards[1]), [weight('b', 2)])
  writeFileSync(join(dir, 'model.safetensors.index.json'), JSON.stringify({ weight_map: { a: shards[0], b: shards[1] } }))
  return dir
}

test('shards are read as one', async () => {
  const { weights } = await openModelFolder(await sharded())
  assert.equal([...weights.names].sort(), ['a', 'b'])
  assert.equal([...(await weights.read('b'))], [2])
})

test('a missing shard is named', async () => {
  const dir = await sharded()
  rmSync(join(dir, shards[1]))
  await refuses(openModelFolder(dir), /model-00002-of-00002\.safetensors: is not there, and model\.safetensors\.index\.json names it/)
})

test('a tensor that its shard lacks is named', async () => {
  const dir = await sharded()
  writeFileSync(join(dir, 'model.safetensors.index.json'), JSON.stringify({ weight_map: { a: shards[0], b: shards[1], c: shards[1] } }))
  await refuses(openModelFolder(dir), /lacks the tensor "c"/)
})

test('a truncated file of weights is named', async () => {
  const dir = await sharded()
  const path = join(dir, shards[0])
  writeFileSync(path, readFileSync(path).subarray(0, -1))
  await refuses(openModelFolder(dir), /model-00001-of-00002\.safetensors: is truncated/)
})

test('a folder that is not there, without a config, or without weights says so', async () => {
  await refuses(openModelFolder(join(root, 'nowhere')), /there is no such folder/)
  const dir = folder()
  await refuses(openModelFolder(dir), /config\.json: is not there/)
  writeFileSync(join(dir, 'config.json'), '{')
  await refuses(openModelFolder(dir), /config\.json: is no JSON/)
  writeFileSync(join(dir, 'config.json'), '{}')
  writeFileSync(join(dir, 'pytorch_model.bin'), '')
  await refuses(openModelFolder(dir), /model\.safetensors: is not there; "pytorch_model\.bin" is of a format/)
})

test.run()
