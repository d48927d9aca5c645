import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CheckContext, UpstreamStage } from 'hone-engine'
import { loadTokenizer, readTokens } from 'hone-lm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { huggingface, type TokenizeParams } from '../../src/tokenize/huggingface.js'
import { runStage, StageFailed } from '../context.js'

const root = mkdtempSync(join(tmpdir(), 'hone tokenize '))
const test = suite('tokenize/huggingface')
test.after(() => rmSync(root, { recursive: true }))

let n = 0
function tokenizerFolder(config: object = { eos_token: '<|im_end|>' }, more: Record<string, string> = {}): string {
  const dir = join(root, String(n++))
  mkdirSync(dir)
  cpSync(fileURLToPath(new URL('../../../../tests/golden/text/tokenizer.json', import.meta.url)), join(dir, 'tokenizer.json'))
  writeFileSync(join(dir, 'tokenizer_config.json'), JSON.stringify(config))
  for (const [name, content] of Object.entries(more)) writeFileSync(join(dir, name), content)
  return dir
}
const model = tokenizerFolder()
const ask = (id: string, question: string, answer: string, more: object = {}) => ({ id, messages: [{ role: 'user', content: question }, { role: 'assistant', content: answer, ...more }] })
const examples = [ask('a', 'What is a cat?', 'An animal.'), ask('b', 'Where is the hat?', 'On the mat, and the mat is on the hat.'), ask('c', 'the?', 'the')]
const long = ask('long', 'the cat', 'the lower the water '.repeat(20))

const fails = async (options: Parameters<typeof runStage>[1], message: RegExp, param?: string) => {
  const error = await runStage(huggingface, options).then(() => undefined, (e: unknown) => e)
  assert.instance(error, StageFailed)
  assert.match((error as StageFailed).message, message)
  if (param) assert.is((error as StageFailed).param, param)
}

test('tokens lead back to their examples, and what is learned are the answers with their end', async () => {
  const ran = await runStage(huggingface, { inputs: { examples, validation: [examples[0]!], model } })
  const tokens = await readTokens(ran.paths.tokens!)
  const tokenizer = await loadTokenizer(tokens.tokenizerDir)
  assert.equal(tokens.train.exampleIds, ['a', 'b', 'c'])
  assert.equal(tokens.validation!.exampleIds, ['a'])
  const learned = examples.map((_, row) => {
    const [start, end] = [tokens.train.offsets[row]!, tokens.train.offsets[row + 1]!]
    return tokenizer.decode([...tokens.train.ids.subarray(start, end)].filter((_, i) => tokens.train.mask[start + i]))
  })
  assert.equal(learned, examples.map(e => `${e.messages[1]!.content}<|im_end|>`))
  assert.equal(tokens.info.end_ids, [tokenizer.eosId])
  assert.is(tokens.info.template_origin, 'default')
  assert.equal(tokens.info.splits.train, { rows: 3, tokens: tokens.train.ids.length, supervised_tokens: tokens.train.mask.reduce((a, b) => a + b, 0) })
  assert.is(ran.metrics.rows, 3)
  assert.is(ran.metrics.validation_rows, 1)
  assert.match(ran.warnings[0]!, /no chat template/)
})

test('the template goes along, so that its digest is found again from the tokens', async () => {
  const { chatTemplateFor } = await import('hone-lm')
  const ran = await runStage(huggingface, { inputs: { examples, model }, params: { template: 'plain' } })
  const tokens = await readTokens(ran.paths.tokens!)
  assert.is(chatTemplateFor(await loadTokenizer(tokens.tokenizerDir)).digest, tokens.info.template_digest)
})

test('the proof shows what is learned as text and as JSON', async () => {
  const ran = await runStage(huggingface, { inputs: { examples, model } })
  const proof = JSON.parse(readFileSync(join(ran.paths.proof!, 'proof.json'), 'utf8'))
  assert.equal(proof.examples[0].spans.map((s: { learned: boolean; text: string }) => [s.learned, s.text]), [
    [false, '<|im_start|>user\nWhat is a cat?<|im_end|>\n<|im_start|>assistant\n'], [true, 'An animal.<|im_end|>'], [false, '\n'],
  ])
  assert.is(proof.roles.user.messages, 3)
  assert.is(proof.roles.user.learned, 0)
  assert.is(proof.roles.assistant.learned, proof.splits.train.supervised_tokens)
  assert.is(Object.values(proof.roles as Record<string, { tokens: number }>).reduce((a, r) => a + r.tokens, 0), proof.splits.train.tokens)
  const text = readFileSync(join(ran.paths.proof!, 'proof.txt'), 'utf8')
  assert.match(text, /^ignored \| <\|im_start\|>user\n {8}\| What is a cat\?<\|im_end\|>\n/m)
  assert.match(text, /^learned \| An animal\.<\|im_end\|>\n/m)
  assert.match(await ran.text('report'), /<mark>An animal\.&lt;\|im_end\|&gt;<\/mark>/)
})

test('equal input gives equal bytes', async () => {
  const [one, two] = [await runStage(huggingface, { inputs: { examples, model } }), await runStage(huggingface, { inputs: { examples, model } })]
  for (const name of ['train.safetensors', 'rows.jsonl', 'tokens.json']) assert.ok(readFileSync(join(one.paths.tokens!, name)).equals(readFileSync(join(two.paths.tokens!, name))), name)
  assert.is(await one.text('report'), await two.text('report'))
})

test('a long row is left out and listed', async () => {
  const many = [...examples, ...examples, long]
  const ran = await runStage(huggingface, { inputs: { examples: many, model }, params: { max_length: 64 } })
  const proof = JSON.parse(readFileSync(join(ran.paths.proof!, 'proof.json'), 'utf8'))
  assert.equal(proof.cut.map((c: { id: string; action: string }) => [c.id, c.action]), [['long', 'dropped']])
  assert.not((await readTokens(ran.paths.tokens!)).train.exampleIds.includes('long'))
})

for (const truncation of ['left', 'right', 'middle'] as const) {
  test(`a long row is cut at the ${truncation}`, async () => {
    const ran = await runStage(huggingface, { inputs: { examples: [long], model }, params: { max_length: 32, truncation, max_cut: 1 } })
    const { train } = await readTokens(ran.paths.tokens!)
    const text = (await loadTokenizer(model)).decode([...train.ids])
    assert.is(train.ids.length, 32)
    assert.is(text.startsWith('<|im_start|>user'), truncation !== 'left')
    assert.is(text.endsWith('<|im_end|>\n'), truncation !== 'right')
    assert.match(readFileSync(join(ran.paths.tokens!, 'rows.jsonl'), 'utf8'), new RegExp(`"cut":"${truncation}"`))
  })
}

test('truncation: error names the example', () => fails({ inputs: { examples: [long], model }, params: { max_length: 32, truncation: 'error' } }, /the example long has \d+ tokens, max_length is 32/, 'max_length'))

test('documents are split into chunks, all of them learned, ending with the end', async () => {
  const documents = [{ id: 'd', title: '', text: 'the cat sat on the mat. '.repeat(30), source: 'x' }]
  const ran = await runStage(huggingface, { inputs: { examples: documents, model }, params: { template: 'none', truncation: 'split', max_length: 32, max_cut: 0 } })
  const { train, info } = await readTokens(ran.paths.tokens!)
  assert.is(info.template_digest, 'none')
  assert.ok(train.exampleIds.length > 3 && train.exampleIds.every(id => id === 'd'))
  assert.ok(train.mask.every(m => m === 1))
  assert.is((await loadTokenizer(model)).decode([...train.ids]), `${documents[0]!.text}<|im_end|>`)
})

test('a document under a chat template says what to do', () => fails({ inputs: { examples: [{ id: 'd', text: 'x' }], model } }, /row 1 \(d\) is a document, and a chat template needs messages/, 'template'))

test('too many rows cut stop the run', () => fails({ inputs: { examples: [...examples, long], model }, params: { max_length: 64 } }, /1 of the 4 rows of train were cut or left out, more than max_cut allows \(0\.2\); the longest has \d+ tokens, max_length is 64/, 'max_length'))

test('no learned token stops the run', () => fails({ inputs: { examples: [ask('a', 'x', 'y', { weight: 0 })], model }, params: { max_cut: 1 } }, /no token of train is learned/, 'train_on'))

test('an answer without an end stops the run', () =>
  fails({ inputs: { examples, model }, params: { template: "{% for m in messages %}{{ m.role }}\n{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant\n{% endif %}" } },
    /the answer in message 2 of a does not end with <\|im_end\|>/, 'template'))

test('an end token of generation_config.json counts', async () => {
  const folder = tokenizerFolder({ eos_token: '<|endoftext|>' }, { 'generation_config.json': '{"eos_token_id":[0,2]}' })
  const ran = await runStage(huggingface, { inputs: { examples, model: folder } })
  assert.equal((await readTokens(ran.paths.tokens!)).info.end_ids, [0, 2])
})

test('a GGUF file is a model like any other', async () => {
  const ran = await runStage(huggingface, { inputs: { examples, model: fileURLToPath(new URL('../../../../tests/golden/gguf/llama.gguf', import.meta.url)) } })
  const tokens = await readTokens(ran.paths.tokens!)
  assert.equal([tokens.info.template_origin, tokens.info.end_ids], ['chat_template.jinja', [2]])
  assert.is((await loadTokenizer(tokens.tokenizerDir)).eosId, 2)
})

test('a broken tokenizer ends the stage at the model', () => fails({ inputs: { examples, model: tokenizerFolder({}, { 'tokenizer.json': '{' }) } }, /tokenizer\.json: is no JSON/, 'model'))

test('a row that is neither an example nor a document says which stage makes examples', async () => {
  const error = await runStage(huggingface, { inputs: { examples: [{ question: 'a', answer: 'b' }], model } }).then(() => undefined, (e: unknown) => e)
  assert.instance(error, StageFailed)
  assert.match((error as StageFailed).message, /has neither "messages" nor "text"; its columns are question, answer$/)
  assert.match((error as StageFailed).hint!, /^qa-convert\/template makes examples of rows/)
})

const check = (more: Partial<CheckContext<TokenizeParams>>, params: Partial<TokenizeParams> = {}) => huggingface.check!({ params: { max_length: 1024, train_on: 'assistant', truncation: 'drop', max_cut: 0.2, ...params }, inputs: {}, upstream: {}, ...more })

test('rows of a file that are neither examples nor documents are seen before the run', async () => {
  const told = async (name: string, text: string, params: Record<string, unknown> = {}) => {
    const path = join(root, name)
    writeFileSync(path, text)
    const rows: UpstreamStage = { stage: 'rows', uses: 'ingest/table', params, inputs: { file: [{ path, logicalName: '', reference: name }] }, fed: [] }
    return (await check({ upstream: { examples: [rows] } })).map(({ message, param, severity }) => [message, param, severity])
  }
  const neither = [['"rows" gives rows with neither "messages" nor "text"; their columns are question, answer', undefined, undefined]]
  assert.equal(await told('a.csv', 'question,answer\r\na,b\r\n'), neither)
  assert.equal(await told('a.tsv', 'question\tanswer\na\tb\n'), neither)
  assert.equal(await told('a.jsonl', '\uFEFF{"question":"a","answer":"b"}\n'), neither)
  assert.equal(await told('a.dat', '{"question":"a","answer":"b"}\n', { format: 'jsonl' }), neither)
  for (const [name, text] of [['b.csv', 'id,text\n1,a\n'], ['b.jsonl', '{"messages":[]}\n'], ['c.jsonl', 'broken\n'], ['c.csv', '"te""xt",b\n1,2\n'], ['c.json', '[]\n']] as const) assert.equal(await told(name, text), [], name)
})

test('a max_length beyond what the model takes is warned of before the run', async () => {
  const of = (path: string) => ({ inputs: { model: [{ path, logicalName: '', reference: './model' }] } })
  const folder = tokenizerFolder(undefined, { 'config.json': '{"max_position_embeddings":512}' })
  assert.equal(await check(of(folder)), [{ message: '"max_length" is 1024, and ./model takes 512 tokens: rows that are longer end the training', param: 'max_length', hint: 'Set "max_length" to at most 512.', severity: 'warning' }])
  assert.equal(await check(of(folder), { max_length: 512 }), [])
  assert.equal(await check(of(model)), [])
  assert.equal(await check(of(join(root, 'model.gguf'))), [])
})

test('no rows stop the run', () => fails({ inputs: { examples: [], model } }, /the examples are empty/))

test.run()
