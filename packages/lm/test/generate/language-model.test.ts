import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CheckpointError } from '../../src/checkpoint/checkpoint-error.js'
import { openLanguageModel } from '../../src/generate/language-model.js'
import { goldenPath, wordModel } from './word-model.js'

const wrong = async (options: Parameters<typeof openLanguageModel>[0]) => {
  try {
    await openLanguageModel(options)
  } catch (e) {
    assert.instance(e, CheckpointError)
    return (e as Error).message.replaceAll(options.dir, 'DIR')
  }
  throw new Error('was opened')
}
const changeJson = async (path: string, change: (json: any) => void) => {
  const json = JSON.parse(await readFile(path, 'utf8'))
  change(json)
  await writeFile(path, JSON.stringify(json))
}

test('a config that does not fit the weights is refused before they are read', async () => {
  const { dir, remove } = await wordModel('llama-tiny-tied')
  await changeJson(join(dir, 'config.json'), c => (c.intermediate_size = 64))
  assert.is(await wrong({ dir }), 'DIR: "model.layers.0.mlp.gate_proj.weight" has the shape [48, 32], config.json says [64, 32]')
  await changeJson(join(dir, 'config.json'), c => (c.num_hidden_layers = 3))
  assert.match(await wrong({ dir }), /has the shape|lacks the weights/)
  await changeJson(join(dir, 'config.json'), c => (c.model_type = 'bert'))
  assert.is(await wrong({ dir }), 'DIR: config.json: "model_type" is "bert"; supported: "llama"')
  await remove()
})

test('a tokenizer with more tokens than the model, or none, is refused', async () => {
  const { dir, remove } = await wordModel('llama-tiny-tied')
  await changeJson(join(dir, 'tokenizer.json'), t => (t.model.vocab.more = 97))
  assert.is(await wrong({ dir }), 'DIR: the tokenizer has 98 tokens, the model 97: they do not belong together')
  await rm(join(dir, 'tokenizer.json'))
  assert.match(await wrong({ dir }), /tokenizer\.json: is not there/)
  await remove()
})

test('an adapter of another model is refused', async () => {
  const { dir, remove } = await wordModel('llama-tiny-tied')
  const adapterDir = join(dir, 'adapter')
  assert.match(await wrong({ dir: goldenPath('gguf/llama.gguf'), adapterDir }), /adapts "model\.layers\.0\.mlp\.down_proj" as \[32, 48\], the model's is \[32, 32\]: it was made for another/)
  await changeJson(join(dir, 'config.json'), c => (c.num_hidden_layers = 1))
  assert.match(await wrong({ dir, adapterDir }), /adapts "model\.layers\.1\.mlp\.down_proj", which the model does not have: it was made for another/)
  await remove()
})

test('what ends an answer is what the folder and its tokenizer say', async () => {
  const { dir, remove } = await wordModel('llama-tiny-tied')
  await changeJson(join(dir, 'generation_config.json'), c => (c.eos_token_id = [7, 2]))
  assert.equal([...(await openLanguageModel({ dir })).endIds].sort(), [2, 7])
  assert.ok((await openLanguageModel({ dir: goldenPath('gguf/llama.gguf') })).endIds.size > 0)
  await remove()
})

test.run()
