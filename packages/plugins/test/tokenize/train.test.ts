import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chatTemplateFor, loadTokenizer } from 'hone-lm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { huggingface } from '../../src/tokenize/huggingface.js'
import { train } from '../../src/tokenize/train.js'
import { runStage, StageFailed } from '../context.js'

const lines = readFileSync(fileURLToPath(new URL('../../../../tests/golden/text/corpus.txt', import.meta.url)), 'utf8').trim().split('\n')
const documents = lines.map((text, i) => ({ id: String(i), title: '', text, source: 'x' }))

test('a tokenizer with special tokens and a chat template comes out, and tokenizes examples', async () => {
  const ran = await runStage(train, { inputs: { documents }, params: { vocab_size: 380 } })
  const tokenizer = await loadTokenizer(ran.paths.tokenizer!)
  assert.is(tokenizer.vocabSize, 380)
  assert.equal([tokenizer.eosId, tokenizer.padId, tokenizer.bosId], [2, 0, undefined])
  assert.is(chatTemplateFor(tokenizer).origin, 'chat_template.jinja')
  assert.is(ran.metrics.vocab_size, 380)
  const tokenized = await runStage(huggingface, {
    inputs: { examples: [{ id: 'a', messages: [{ role: 'user', content: 'the cat?' }, { role: 'assistant', content: 'the mat' }] }], tokenizer: ran.paths.tokenizer! },
  })
  const proof = JSON.parse(readFileSync(join(tokenized.paths.proof!, 'proof.json'), 'utf8'))
  assert.is(proof.examples[0].spans[1].text, 'the mat<|im_end|>')
  assert.equal(tokenized.warnings, [])
})

test('rows give the columns that are named, or their messages', async () => {
  const byColumn = await runStage(train, { inputs: { rows: lines.map(line => ({ a: line, b: '' })) }, params: { vocab_size: 300, columns: ['a', 'b'] } })
  const byMessages = await runStage(train, { inputs: { rows: lines.map(line => ({ messages: [{ role: 'user', content: line }] })) }, params: { vocab_size: 300 } })
  const read = (ran: typeof byColumn) => readFileSync(join(ran.paths.tokenizer!, 'tokenizer.json'), 'utf8')
  assert.is(read(byColumn), read(byMessages))
})

test('a column that is not there is named with those that are', async () => {
  const error = await runStage(train, { inputs: { rows: [{ a: 'x' }] }, params: { vocab_size: 300, columns: ['b'] } }).then(() => undefined, (e: unknown) => e)
  assert.instance(error, StageFailed)
  assert.is((error as StageFailed).message, 'row 1 has no text in the column "b"; its columns are a')
  assert.is((error as StageFailed).param, 'columns')
})

test('a text too small for the vocabulary is told', async () => {
  const ran = await runStage(train, { inputs: { documents: documents.slice(0, 1) }, params: { vocab_size: 5000 } })
  assert.match(ran.warnings[0]!, /the text gives \d+ tokens, fewer than vocab_size \(5000\)/)
})

test('special tokens that contradict one another are found before the run', async () => {
  const check = (params: object) => train.check!({ params: { vocab_size: 300, special_tokens: ['<s>', '</s>'], eos_token: '</s>', pad_token: '</s>', template: 'plain', ...params } as never, inputs: {}, upstream: {} })
  assert.equal(await check({}), [])
  assert.equal((await check({ eos_token: '<e>' })).map(p => p.param), ['eos_token'])
  assert.equal((await check({ vocab_size: 257 })).map(p => p.message), ['"vocab_size" must be ≥ 258 (256 bytes and 2 special tokens); got 257'])
  assert.equal((await check({ template: 'chatml' })).map(p => p.param), ['template'])
  assert.equal((await check({ template: 'x' })).map(p => p.param), ['template'])
})

test.run()
