import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isModelFile, isTokenizerFile, tokenizerFiles, writeModelFolder } from 'hone-lm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { adapter, model, tokenizer } from '../../src/kinds/model.js'

const golden = fileURLToPath(new URL('../../../../tests/golden/', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'hone kinds '))
const test = suite('model kinds')
test.after(() => rmSync(root, { recursive: true }))

const dir = join(root, 'model')
const weights = [{ name: 'w', shape: [4], data: new Float32Array(4) }]
test.before(() => writeModelFolder(dir, { configJson: {}, weights, dtype: 'float32', tokenizerFrom: { 'tokenizer.json': readFileSync(join(golden, 'text/tokenizer.json')) } }))

test('a README is no part of a model, and weights are no part of the view of its tokenizer', () => {
  const paths = ['README.md', 'config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'training_args.bin']
  assert.equal(model.files!(paths, undefined), ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'])
  assert.equal(model.files!(paths, 'tokenizer'), ['generation_config.json', 'tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'])
  assert.equal(adapter.files!(['README.md', 'adapter_config.json', 'adapter_model.safetensors'], undefined), ['adapter_config.json', 'adapter_model.safetensors'])
})

test('what counts as a file of a model is what hone-lm reads as one', () => {
  const paths = [...tokenizerFiles, 'config.json', 'generation_config.json', 'hone.json', 'model.safetensors', 'model-00001-of-00002.safetensors', 'model.safetensors.index.json', 'README.md', 'x/config.json', 'other.safetensors']
  assert.equal(model.files!(paths, undefined), paths.filter(isModelFile))
  assert.equal(tokenizer.files!(paths, undefined), paths.filter(isTokenizerFile))
})

test('a whole model, its tokenizer, and an adapter have no problem', async () => {
  assert.equal(await model.check!(dir, undefined), [])
  assert.equal(await model.check!(dir, 'tokenizer'), [])
  assert.equal(await tokenizer.check!(dir, undefined), [])
  assert.equal(await adapter.check!(join(golden, 'checkpoint/adapter'), undefined), [])
})

test('a truncated or missing file is a problem that names it', async () => {
  const broken = join(root, 'broken')
  cpSync(dir, broken, { recursive: true })
  const path = join(broken, 'model.safetensors')
  writeFileSync(path, readFileSync(path).subarray(0, -3))
  assert.match((await model.check!(broken, undefined))[0]!.message, /model\.safetensors: is truncated/)
  rmSync(path)
  assert.match((await model.check!(broken, undefined))[0]!.message, /model\.safetensors: is not there/)
  assert.equal(await model.check!(broken, 'tokenizer'), [])
  rmSync(join(broken, 'tokenizer.json'))
  assert.match((await model.check!(broken, 'tokenizer'))[0]!.message, /tokenizer\.json: is not there/)
  mkdirSync(join(root, 'empty'))
  assert.match((await adapter.check!(join(root, 'empty'), undefined))[0]!.message, /adapter_config\.json: is not there/)
})

test('a tokenizer with more tokens than the model has rows is a problem before the run', async () => {
  const small = join(root, 'small')
  cpSync(dir, small, { recursive: true })
  writeFileSync(join(small, 'config.json'), JSON.stringify({ vocab_size: 8 }))
  assert.match((await model.check!(small, undefined))[0]!.message, /tokenizer\.json: does not fit the model: it has \d+ tokens, config\.json says 8$/)
  writeFileSync(join(small, 'config.json'), JSON.stringify({ vocab_size: 1e6 }))
  assert.equal(await model.check!(small, undefined), [])
})

test('weights of another shape than config.json says are a problem before the run, of a family that hone computes', async () => {
  const other = join(root, 'other')
  cpSync(join(golden, 'llama-tiny-tied'), other, { recursive: true })
  assert.equal(await model.check!(other, undefined), [])
  const path = join(other, 'config.json')
  const config = JSON.parse(readFileSync(path, 'utf8')) as { hidden_size: number; num_hidden_layers: number }
  writeFileSync(path, JSON.stringify({ ...config, hidden_size: 2 * config.hidden_size }))
  assert.match((await model.check!(other, undefined))[0]!.message, /other: "model\.embed_tokens\.weight" has the shape \[\d+, \d+\], config\.json says \[\d+, \d+\]$/)
  writeFileSync(path, JSON.stringify({ ...config, num_hidden_layers: 9 }))
  assert.match((await model.check!(other, undefined))[0]!.message, /other: lacks the weights "model\.layers\.2\./)
  writeFileSync(path, JSON.stringify({ ...config, model_type: 'gpt2', hidden_size: 3 }))
  assert.equal(await model.check!(other, undefined), [])
})

test.run()
