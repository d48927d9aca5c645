import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { FetchContext, ReferenceProblem } from 'hone-engine'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { commit as sha1, git, siblingsOf, startHub, type Answer } from '../../../../tests/hub.js'
import { onHub } from '../../src/kinds/hub.js'
import { adapter, model, tokenizer } from '../../src/kinds/model.js'

const test = suite('hf: references')
const root = mkdtempSync(join(tmpdir(), 'hone hub '))
test.after(() => rmSync(root, { recursive: true, force: true }))

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const weights = randomBytes(3_000_000)
const config = '{"model_type":"llama"}'
const files: Record<string, string | Buffer> = { 'config.json': config, 'tokenizer.json': '{}', 'generation_config.json': '{"eos_token_id":2}', 'model.safetensors': weights, 'README.md': 'read', 'pytorch_model.bin': 'no', 'onnx/model.onnx': 'no' }
const hub = (before?: Answer) => startHub({ 'acme/tiny': files }, before)
const siblings = siblingsOf(files)

let count = 0
const contextOf = (endpoint: string, more: Partial<FetchContext> & { env?: Record<string, string> } = {}): FetchContext => ({
  cacheDir: join(root, `cache ${count++}`), secretOf: () => undefined, signal: new AbortController().signal, progress: () => {}, ...more, env: { HF_ENDPOINT: endpoint, ...more.env },
})
const named = 'hf:acme/tiny@main'
const reference = model.resolve!(named)!
const fetched = async (context: FetchContext, view?: string) => (await reference.fetch(sha1, view, context))!
async function problemOf(work: Promise<unknown>): Promise<ReferenceProblem> {
  try {
    await work
  } catch (error) {
    assert.is((error as Error).name, 'ReferenceProblem', String((error as Error).stack))
    return error as ReferenceProblem
  }
  throw new Error('nothing was refused')
}
const allFiles = (dir: string) => (readdirSync(dir, { recursive: true }) as string[]).filter(f => statSync(join(dir, f)).isFile()).sort()

test('a reference is hf:ORG/NAME@REVISION; a whole commit needs no asking, and what is malformed says so', () => {
  assert.is(model.resolve!('./models/x'), undefined)
  assert.is(reference.pin, undefined)
  assert.is(model.resolve!(`hf:acme/tiny@${sha1}`)!.pin, sha1)
  for (const wrong of ['hf:', 'hf:../x', 'hf:a/b/c', 'hf:a/b@', 'hf:a b/c']) assert.throws(() => model.resolve!(wrong), /is no reference to the model hub/)
  assert.throws(() => reference.find('../../etc', undefined, contextOf('http://x')), /which is no commit/)
})

test('a branch is resolved to a commit, and of it only the files of the kind and its view are fetched', async () => {
  const { endpoint, asked } = await hub()
  const context = contextOf(`${endpoint}/`)
  assert.is(await reference.ask(context), sha1)
  assert.is(reference.find(sha1, 'tokenizer', context), undefined)
  const progress: number[][] = []
  const folder = await fetched({ ...context, progress: (...p) => progress.push(p) }, 'tokenizer')
  assert.equal(readdirSync(folder).sort(), ['generation_config.json', 'tokenizer.json'])
  assert.equal([progress[0], progress.at(-1)], [[0, 20], [20, 20]])
  assert.is(reference.find(sha1, 'tokenizer', context), folder)
  assert.is(reference.find(sha1, undefined, context), undefined, 'the weights are missing')

  assert.is(await fetched(context), folder)
  assert.equal(readdirSync(folder).sort(), ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json'])
  assert.equal(readFileSync(join(folder, 'model.safetensors')), weights)
  assert.is(reference.find(sha1, undefined, context), folder)
  assert.is(asked.length, 6, 'the list is asked for once for the branch and once for the commit, each file once')
  await fetched(context)
  assert.is(asked.length, 6)
  assert.is(await adapter.resolve!(named)!.fetch(sha1, undefined, context), undefined)
  assert.is(await tokenizer.resolve!(named)!.fetch(sha1, undefined, context), folder)
})

test('a fetch that was killed goes on from where it was', async () => {
  let isSlow = true
  const { endpoint, asked } = await hub((request, response, url) => {
    if (!isSlow || !url.endsWith('/model.safetensors')) return false
    response.writeHead(200, { 'content-length': weights.length })
    response.write(weights.subarray(0, 1_000_000))
    return true
  })
  const context = contextOf(endpoint)
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  const child = spawn(process.execPath, ['--import', tsx, '--conditions=hone-source', fileURLToPath(new URL('./fetch-child.ts', import.meta.url)), named, sha1, context.cacheDir, endpoint], { stdio: ['ignore', 'ignore', 'inherit'] })
  const blobs = join(context.cacheDir, 'hub/models--acme--tiny/blobs')
  const partial = () => (existsSync(blobs) ? readdirSync(blobs).find(name => name.startsWith(sha256(weights))) : undefined)
  const ended = new Promise(done => child.once('close', done))
  while (!partial() || statSync(join(blobs, partial()!)).size < 1_000_000) {
    assert.is(child.exitCode, null, 'it ended by itself')
    await sleep(20)
  }
  child.kill('SIGKILL')
  await ended
  isSlow = false
  assert.is(reference.find(sha1, undefined, context), undefined)
  asked.length = 0
  const folder = await fetched(context)
  assert.equal(asked.map(a => [a.url.split('/').at(-1), a.range]), [['model.safetensors', 'bytes=1000000-']])
  assert.equal(readFileSync(join(folder, 'model.safetensors')), weights)
  assert.equal(readdirSync(blobs).filter(name => name.includes('.part')), [])
})

test('a connection that breaks is taken up again, and a beginning that is damaged is fetched anew', async () => {
  let broken = 0
  const { endpoint, asked } = await hub((request, response, url) => {
    if (!url.endsWith('/model.safetensors') || broken++ > 0) return false
    response.writeHead(200, { 'content-length': weights.length })
    response.write(weights.subarray(0, 500_000), () => setTimeout(() => response.destroy(), 20))
    return true
  })
  const context = contextOf(endpoint)
  assert.equal(readFileSync(join(await fetched(context), 'model.safetensors')), weights)
  assert.equal(asked.filter(a => a.url.endsWith('.safetensors')).map(a => a.range), [undefined, 'bytes=500000-'])

  const other = contextOf(endpoint)
  const blobs = join(other.cacheDir, 'hub/models--acme--tiny/blobs')
  mkdirSync(blobs, { recursive: true })
  writeFileSync(join(blobs, `${sha256(weights)}.part-${hostname()}-${process.pid}`), Buffer.alloc(700_000))
  asked.length = 0
  assert.equal(readFileSync(join(await fetched(other), 'model.safetensors')), weights)
  assert.equal(asked.filter(a => a.url.endsWith('.safetensors')).map(a => a.range), ['bytes=700000-', undefined])
})

test('what comes with another size or other bytes than the hub lists never stands in the folder', async () => {
  for (const [content, message] of [
    [weights.subarray(0, -5), /model\.safetensors came with 2999995 bytes; the hub lists 3000000/],
    [Buffer.concat([weights, Buffer.alloc(9)]), /model\.safetensors came with 3000009 bytes; the hub lists 3000000/],
    [Buffer.alloc(weights.length), /model\.safetensors has the digest [0-9a-f]{64}; the hub lists/],
  ] as const) {
    const { endpoint } = await hub((_, response, url) => url.endsWith('/model.safetensors') && (response.end(content), true))
    const context = contextOf(endpoint)
    assert.match((await problemOf(fetched(context))).message, message)
    assert.not.ok(allFiles(context.cacheDir).some(f => f.endsWith('.safetensors') || f.includes(sha256(weights))))
    assert.is(reference.find(sha1, undefined, context), undefined)
  }
  const { endpoint } = await hub((_, response, url) => url.endsWith('/config.json') && (response.end(config.replace('llama', 'lloma')), true))
  assert.match((await problemOf(fetched(contextOf(endpoint)))).message, /config\.json has the digest [0-9a-f]{40}; the hub lists/)
})

test('a file that was cut off in the folder counts as not fetched', async () => {
  const { endpoint } = await hub()
  const context = contextOf(endpoint)
  const folder = await fetched(context)
  rmSync(join(folder, 'config.json'))
  writeFileSync(join(folder, 'config.json'), config.slice(1))
  assert.is(reference.find(sha1, undefined, context), undefined)
  await fetched(context)
  assert.is(readFileSync(join(folder, 'config.json'), 'utf8'), config)
})

test('the token goes to the hub and to nobody that it redirects to, and stands in no message', async () => {
  const token = 'hf_geheim123'
  const far = await hub()
  const { endpoint, asked } = await hub((_, response, url) => url.includes('/resolve/') && (response.writeHead(302, { location: `${far.endpoint.replace('127.0.0.1', 'localhost')}${url}` }).end(), true))
  await fetched(contextOf(endpoint, { secretOf: name => (name === 'HF_TOKEN' ? token : undefined), env: { HF_TOKEN: 'another' } }))
  assert.ok(asked.length === 5 && asked.every(a => a.authorization === `Bearer ${token}`))
  assert.ok(far.asked.length === 4 && far.asked.every(a => a.authorization === undefined))

  const closed = await hub((_, response) => (response.writeHead(401).end(), true))
  const without = await problemOf(reference.ask(contextOf(closed.endpoint)))
  assert.match(without.message, /gives no access to acme\/tiny \(401\): it does not exist, is private, or its terms must be accepted/)
  assert.match(without.hint!, /set HONE_SECRET_HF_TOKEN \(or HF_TOKEN\)/)
  const refused = await problemOf(reference.ask(contextOf(closed.endpoint, { env: { HF_TOKEN: token } })))
  assert.match(refused.message, /\(401, though a token was sent\)/)
  assert.not.match(`${refused.message}${refused.hint}`, /geheim/)
})

test('an unknown revision, an answer that is none and a hub that is not reached are told with what to do', async () => {
  const { endpoint } = await hub()
  assert.match((await problemOf(model.resolve!('hf:acme/tiny@v9')!.ask(contextOf(endpoint)))).message, /has no acme\/tiny at "v9" \(404\)/)
  const page = await hub((_, response) => (response.end('<html>'), true))
  assert.match((await problemOf(reference.ask(contextOf(page.endpoint)))).message, /does not answer with JSON/)
  assert.match((await problemOf(reference.ask(contextOf('ftp://x')))).message, /HF_ENDPOINT is no http or https address/)
  const context = contextOf('http://127.0.0.1:9')
  const away = await problemOf(reference.ask(context))
  assert.match(away.message, /^127\.0\.0\.1:9 cannot be reached \(/)
  assert.match(away.hint!, /take the files of http:\/\/127\.0\.0\.1:9\/acme\/tiny from elsewhere, and name their folder in place of hf:acme\/tiny@main/)
})

test('names that lead out of the folder are no files of a model', async () => {
  const { endpoint } = await hub((_, response, url) => url.startsWith('/api/') && (response.end(JSON.stringify({ sha: sha1, siblings: [...siblings, { rfilename: '../config.json', size: 2, blobId: git('{}') }, { rfilename: '/model.safetensors', size: 2, blobId: git('{}') }] })), true))
  const context = contextOf(endpoint)
  const folder = (await onHub(paths => paths)(named)!.fetch(sha1, undefined, context))!
  assert.equal(allFiles(folder), Object.keys(files).sort())
  assert.equal(readdirSync(join(folder, '..')).sort(), [sha1, `${sha1}.json`])
  assert.equal(readFileSync(join(folder, 'model.safetensors')), weights)
})

test('a folder that was placed by hand is taken where there is no network', () => {
  const context = contextOf('http://127.0.0.1:9')
  const folder = join(context.cacheDir, 'hub/models--acme--tiny/commits', sha1)
  mkdirSync(folder, { recursive: true })
  assert.is(reference.find(sha1, undefined, context), undefined)
  writeFileSync(join(folder, 'config.json'), config)
  truncateSync(join(folder, 'config.json'), 3)
  assert.is(reference.find(sha1, undefined, context), folder)
})

test.run()
