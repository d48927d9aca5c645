import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TokenRowsBuilder } from '../../src/text/token-rows.js'
import { readTokens, writeTokens, type TokensInfo } from '../../src/text/tokens-folder.js'

const root = mkdtempSync(join(tmpdir(), 'hone tokens '))
const test = suite('tokens folders')
test.after(() => rmSync(root, { recursive: true }))
const tokenizerDir = join(root, 'tokenizer')
mkdirSync(tokenizerDir)
writeFileSync(join(tokenizerDir, 'tokenizer.json'), '{}')
writeFileSync(join(tokenizerDir, 'model.safetensors'), 'weights')
const info: TokensInfo = {
  format: 1, template_digest: 'd', template_origin: 'given', tokenizer_digest: 't', vocab_size: 10, max_length: 8, bos_id: null, eos_id: 1, pad_id: null, end_ids: [1],
  splits: { train: { rows: 2, tokens: 5, supervised_tokens: 2 } },
}

async function written(name: string) {
  const builder = new TokenRowsBuilder()
  builder.add([1, 2, 3], [0, 1, 1], 'a')
  builder.add([4, 70000], [0, 0], 'b')
  const dir = join(root, name)
  await writeTokens(dir, {
    info, splits: { train: builder.finish() }, rows: [{ split: 'train', row: 0, id: 'a' }, { split: 'train', row: 1, id: 'b', cut: 'left' }], tokenizerDir, chatTemplate: 'x',
  })
  return dir
}

test('what is written is read again, with the tokenizer and the template beside it', async () => {
  const tokens = await readTokens(await written('one'))
  assert.equal(tokens.info, info)
  assert.equal(tokens.train, { ids: Int32Array.of(1, 2, 3, 4, 70000), mask: Uint8Array.of(0, 1, 1, 0, 0), offsets: Int32Array.of(0, 3, 5), exampleIds: ['a', 'b'] })
  assert.is(tokens.validation, undefined)
  assert.is(readFileSync(join(tokens.tokenizerDir, 'tokenizer.json'), 'utf8'), '{}')
  assert.is(readFileSync(join(tokens.tokenizerDir, 'chat_template.jinja'), 'utf8'), 'x')
  assert.throws(() => readFileSync(join(tokens.tokenizerDir, 'model.safetensors')))
})

test('rows that do not fit the tensors are refused', async () => {
  const dir = await written('two')
  writeFileSync(join(dir, 'rows.jsonl'), '{"split":"train","row":0,"id":"a"}\n')
  await readTokens(dir).then(() => assert.unreachable(), (e: Error) => assert.match(e.message, /train\.safetensors: its tensors and rows\.jsonl do not fit together/))
})

test('a builder grows', () => {
  const builder = new TokenRowsBuilder()
  const row = Array.from({ length: 100_000 }, (_, i) => i)
  builder.add([7], [1], 'a')
  builder.add(row, row.map(() => 0), 'b')
  const { ids, offsets } = builder.finish()
  assert.equal([ids[0], ids[1], ids.at(-1), ids.length, [...offsets]], [7, 0, 99_999, 100_001, [0, 1, 100_001]])
  assert.is(builder.supervised, 1)
})

test.run()
