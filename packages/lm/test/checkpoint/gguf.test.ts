import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CheckpointError } from '../../src/checkpoint/checkpoint-error.js'
import { dequantize, ggmlTypes, type GgmlType } from '../../src/checkpoint/dequantize.js'
import { openGguf } from '../../src/checkpoint/gguf.js'
import { copyTokenizerFiles, openModelFolder } from '../../src/checkpoint/hugging-face.js'
import { chatTemplateFor } from '../../src/text/chat-template.js'
import { loadTokenizer, tokenizerFromJson } from '../../src/text/load-tokenizer.js'

const goldenDir = fileURLToPath(new URL('../../../../tests/golden/', import.meta.url))
const path = join(goldenDir, 'gguf/llama.gguf')
const read = (name: string) => JSON.parse(readFileSync(join(goldenDir, name), 'utf8'))
const floats = (base64: string) => new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer)
const root = mkdtempSync(join(tmpdir(), 'hone gguf '))
const test = suite('GGUF')
test.after(() => rmSync(root, { recursive: true }))

const { types } = read('gguf/dequantize.json') as { types: Record<GgmlType, { bytes: string; values: string }> }
for (const type of Object.keys(ggmlTypes) as GgmlType[]) {
  test(`${type} gives the values of the gguf package, bit by bit`, () => {
    const expected = floats(types[type].values)
    const out = new Float32Array(expected.length + 1)
    dequantize(type, Buffer.from(types[type].bytes, 'base64'), out, 1)
    assert.equal(out.subarray(1), expected)
  })
}

const golden = read('gguf/llama.json')

test('weights have Hugging Face\'s names, shapes and order of rows', async () => {
  const { weights } = await openGguf(path)
  assert.equal([...weights.names].sort(), Object.keys(golden.tensors).sort())
  for (const [name, expected] of Object.entries(golden.tensors as Record<string, { shape: number[]; first: number[]; sum: number; all?: string }>)) {
    const values = await weights.read(name)
    assert.equal(weights.shape(name), expected.shape)
    assert.equal([...values.subarray(0, 5)], expected.first, name)
    assert.ok(Math.abs(values.reduce((a, b) => a + b, 0) - expected.sum) < 1e-9, name)
    if (expected.all) assert.equal(values, floats(expected.all), name)
  }
})

test('the config is the one that the model was written from', async () => {
  const { configJson, dtype, generationConfig } = await openModelFolder(path)
  for (const [key, value] of Object.entries(golden.config)) assert.is(typeof value === 'number' ? Math.fround(configJson[key] as number) : configJson[key], typeof value === 'number' ? Math.fround(value) : value, key)
  assert.is(configJson.rms_norm_eps, 1e-5)
  assert.equal([configJson.rope_theta, configJson.head_dim, configJson.attention_bias], [100000, 8, false])
  assert.is(dtype, 'float16')
  assert.equal(generationConfig, { bos_token_id: 1, eos_token_id: 2 })
})

test('the tokenizer cuts as tokenizer.ggml.pre says', async () => {
  const tokenizer = await loadTokenizer(path)
  const { parts, cases } = (read('text/encodings.json') as { variants: Record<string, { parts: object; cases: { text: string; ids: number[] }[] }> }).variants.smollm!
  assert.ok(parts)
  for (const { text, ids } of cases) assert.equal(tokenizer.encode(text), ids, JSON.stringify(text))
  assert.equal([tokenizer.bosId, tokenizer.eosId], [1, 2])
  assert.ok(tokenizer.isSpecial(2))
  assert.is(chatTemplateFor(tokenizer).render([{ role: 'user', content: 'x' }]), '<|im_start|>user\nx<|im_end|>\n')
})

test('its tokenizer is written as files that say the same', async () => {
  const dir = join(root, 'tokenizer')
  await copyTokenizerFiles(path, dir)
  assert.equal(readdirSync(dir).sort(), ['chat_template.jinja', 'tokenizer.json', 'tokenizer_config.json'])
  const [fromFile, fromFolder] = [await loadTokenizer(path), await loadTokenizer(dir)]
  assert.equal(fromFolder.config, fromFile.config)
  assert.equal(fromFolder.encode('the 12 cats<|im_end|>'), fromFile.encode('the 12 cats<|im_end|>'))
})

test('a beginning that the file asks for is added', () => {
  const json = { ...read('text/tokenizer.json'), ...read('text/encodings.json').variants.llama.parts }
  assert.equal(tokenizerFromJson(json).surrounding.before, [0])
})

const refuses = async (name: string, bytes: Uint8Array, message: RegExp) => {
  const broken = join(root, name)
  writeFileSync(broken, bytes)
  const error = await openGguf(broken).then(() => undefined, (e: unknown) => e)
  assert.instance(error, CheckpointError)
  assert.match((error as Error).message, message)
}

test('a truncated file, another format and another architecture are named', async () => {
  const bytes = readFileSync(path)
  await refuses('header.gguf', bytes.subarray(0, 1000), /header\.gguf: is truncated: it ends at byte 1000, in the middle of the header/)
  await refuses('tensor.gguf', bytes.subarray(0, -5000), /is truncated: the tensor "[\w.]+" ends at byte/)
  await refuses('page.gguf', Buffer.from('<!doctype html>'), /is no GGUF file/)
  const other = Buffer.from(bytes)
  other.write('mamba', bytes.indexOf('llama'))
  await refuses('other.gguf', other, /is of the architecture mamba; only llama is read/)
  const version = Buffer.from(bytes)
  version.writeUInt32LE(1, 4)
  await refuses('version.gguf', version, /is of GGUF version 1; 2 and 3 are read/)
})

test('a tokenizer whose cutting is not known is refused, not guessed', async () => {
  const bytes = readFileSync(path)
  bytes.write('smelly', bytes.indexOf('smollm'))
  const unknown = join(root, 'unknown.gguf')
  writeFileSync(unknown, bytes)
  await loadTokenizer(unknown).then(() => assert.unreachable(), (e: Error) => assert.match(e.message, /tokenizer\.ggml\.pre is "smelly"; known are gpt-2, /))
})

test.run()
