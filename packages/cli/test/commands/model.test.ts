// `hone generate` and `hone chat`: what a model can be named by, and what is said where it cannot be used.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { commit, startHub } from '../../../../tests/hub.js'
import { Project } from '../../../../tests/rig.js'
import { root } from '../../../../tests/sources.js'
import { baseModel } from '../../../plugins/test/tune/fixtures.js'

const test = suite('generate and chat')
const base = await baseModel()
const project = Project.make({
  'rows.jsonl': Array.from({ length: 8 }, (_, i) => `{"question":"What colour is ${i}?","answer":"red"}\n`).join(''),
  'pipeline.yaml': `stages:
  rows: { uses: ingest/table, with: { path: rows.jsonl } }
  pairs: { uses: qa-convert/template, inputs: { rows: rows }, with: { preset: qa } }
  tokens: { uses: tokenize/huggingface, inputs: { examples: pairs.examples }, with: { model: ./base, template: chatml } }
  tuned: { uses: tune/lora, inputs: { tokens: tokens }, matrix: { rate: [0.5, 0.01] }, with: { model: ./base, learning_rate: "\${{ matrix.rate }}", max_steps: 3 } }
`,
})
project.copyIn(base, 'base')
const hub = await startHub({ 'acme/tiny': Object.fromEntries(readdirSync(base).map(name => [name, name.endsWith('.safetensors') ? readFileSync(join(base, name)) : readFileSync(join(base, name), 'utf8')])) })
const env = { HF_ENDPOINT: hub.endpoint, HONE_CACHE: project.path('cache') }
const reference = 'hf:acme/tiny@main'
const generate = (model: string, ...more: string[]) => project.start(['generate', model, '-p', 'What colour is 3?', '--max-new-tokens', '6', ...more], { env }).ended
const textOf = async (model: string, ...more: string[]): Promise<string> => {
  const ended = await generate(model, '--json', ...more)
  assert.is(ended.code, 0, `${ended.stdout}${ended.stderr}`)
  return ended.json.text as string
}

test('a reference to the model hub is fetched as a run fetches it, answers as the folder does, and asks no network again', async () => {
  const first = await generate(reference)
  assert.is(first.code, 0, first.stderr)
  assert.match(first.stderr, /^fetching hf:acme\/tiny@main at aaaaaaaaaaaa: .*\nfetched hf:acme\/tiny@main at aaaaaaaaaaaa, /)
  assert.equal(JSON.parse(project.read('hone.lock')), { version: 1, references: { [reference]: commit } })
  hub.asked.length = 0
  const text = await textOf('base')
  assert.ok(text.length > 0)
  assert.is(await textOf(reference), text)
  assert.equal(hub.asked, [])
})

test('chat takes it too', async () => {
  const text = await textOf(reference)
  const chat = await project.start(['chat', reference, '--max-new-tokens', '6'], { env, input: 'What colour is 3?\n/clear\nWhat colour is 3?\n' }).ended
  assert.is(chat.code, 0, chat.stderr)
  assert.is(chat.stdout.split(text).length, 3, `${JSON.stringify(text)} twice in ${JSON.stringify(chat.stdout)}`)
})

test('chat without a terminal answers each line by one, and under --json by an object', async () => {
  const text = await textOf('base')
  const input = 'What colour is 3?\n\n/clear\nWhat colour is 3?\n'
  const chat = (...more: string[]) => project.start(['chat', 'base', '--max-new-tokens', '6', ...more], { env, input }).ended
  assert.is((await chat()).stdout, `${text}\n${text}\n`)
  const answers = (await chat('--json')).stdout.trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
  assert.equal(answers.map(answer => [answer['text'], typeof answer['tokens'], typeof answer['tokensPerSecond']]), [[text, 'number', 'number'], [text, 'number', 'number']])
})

test('chat ends at /exit and /quit, and /help is answered beside the answers', async () => {
  const text = await textOf('base')
  for (const end of ['/exit', '/quit']) {
    const { code, stdout, stderr } = await project.start(['chat', 'base', '--max-new-tokens', '6'], { env, input: `/help\nWhat colour is 3?\n${end}\nWhat colour is 4?\n` }).ended
    assert.equal([code, stdout, stderr], [0, `${text}\n`, '/clear forgets the conversation; /exit, /quit or Ctrl-D ends it\n'])
  }
})

test('generate takes a system message as chat does, and not beside --raw', async () => {
  const chat = await project.start(['chat', 'base', '--max-new-tokens', '6', '--system', 'Answer with green.'], { env, input: 'What colour is 3?\n' }).ended
  assert.is(chat.code, 0, chat.stderr)
  assert.is(`${await textOf('base', '--system', 'Answer with green.')}\n`, chat.stdout)
  assert.is.not(chat.stdout, `${await textOf('base')}\n`)
  assert.match((await generate('base', '--system', 'x', '--raw')).stderr, /'--raw' cannot be used with option '--system <text>'/)
})

test('a hub that cannot be reached, or that has no such model, says what to do', async () => {
  const away = await project.start(['generate', reference, '-p', 'x'], { env: { HF_ENDPOINT: 'http://127.0.0.1:9', HONE_CACHE: project.path('other') } }).ended
  assert.is(away.code, 2)
  assert.match(away.stderr, /^error: "hf:acme\/tiny@main": 127\.0\.0\.1:9 cannot be reached .*\n {2}hint: Without network: /)
  assert.ok(away.stderr.includes('in place of hf:acme/tiny@main'), away.stderr)
  const absent = await generate('hf:acme/none', '--json')
  assert.equal([absent.code, absent.json.diagnostics.map((d: { code: string }) => d.code)], [2, ['fetch-failed']])
  const malformed = await generate('hf:a/b/c')
  assert.match(malformed.stderr, /is no reference to the model hub/)
})

test('a stage that has no current result says what to run; once it has, its model and its adapter answer alike', async () => {
  const stale = await generate('pipeline.yaml:tuned[rate=0.5]')
  assert.is(stale.code, 2)
  assert.match(stale.stderr, /no current result: .*\n {2}hint: Run it first: hone run pipeline\.yaml tuned\n/)
  const ran = await project.run()
  assert.is(ran.code, 0, ran.stderr)
  const text = await textOf('pipeline.yaml:tuned[rate=0.5]')
  assert.is.not(text, await textOf('base'), 'the tuning changed the answer')
  assert.is(await textOf('pipeline.yaml:tuned[rate=0.5].model'), text)
  assert.is(await textOf(reference, '--adapter', 'pipeline.yaml:tuned[rate=0.5].adapter'), text)
  const several = await generate('pipeline.yaml:tuned')
  assert.match(several.stderr, /means 2 members: tuned\[rate=0\.5\], tuned\[rate=0\.01\]/)
  const other = await generate('pipeline.yaml:tuned[rate=0.5].report')
  assert.equal([other.code, /model/.test(other.stderr)], [2, true])
})

test('a .gguf file answers', async () => {
  project.copyIn(join(root, 'tests/golden/gguf/llama.gguf'), 'llama.gguf')
  assert.type(await textOf('llama.gguf', '--raw'), 'string')
})

test('what is no model is refused, with what would be one', async () => {
  const none = await generate('no model')
  assert.equal([none.code, none.stderr], [2, 'error: There is no "no model" (missing-file)\n  hint: Name a folder or a file, PIPELINE.yaml:STAGE.PORT, or hf:ORG/NAME@REVISION.\n\n1 error\n'])
  const empty = await generate('.', '--json')
  assert.is(empty.code, 2)
  assert.match(empty.json.error, /config\.json/)
})

test('the engine is the one asked for: by --backend, else by HONE_BACKEND', async () => {
  const asked = (...args: string[]) => project.start(['generate', 'base', '-p', 'x', '--max-new-tokens', '2', ...args], { env: { ...env, HONE_BACKEND: 'abacus' } }).ended
  const refused = await asked()
  assert.equal([refused.code, refused.stderr], [2, 'error: There is no engine "abacus"\n  hint: Take onnx or eager, in `backend:` or HONE_BACKEND.\n'])
  assert.is((await asked('--backend', 'onnx')).code, 0)
  const chat = await project.start(['chat', 'base'], { env: { ...env, HONE_BACKEND: 'abacus' } }).ended
  assert.is(chat.code, 2)
})

test.run()
