import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { commit, startHub } from '../../../../tests/hub.js'
import { Project } from '../../../../tests/rig.js'
import { root } from '../../../../tests/sources.js'

const test = suite('update')
const project = Project.make({
  'rows.jsonl': '{"id":"1","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}\n',
  'pipeline.yaml': `stages:
  table: { uses: ingest/table, with: { path: rows.jsonl } }
  pairs: { uses: qa-convert/template, inputs: { rows: table }, with: { preset: messages } }
  tokens: { uses: tokenize/huggingface, inputs: { examples: pairs }, with: { model: "hf:acme/tiny@main" } }
`,
})
const reference = 'hf:acme/tiny@main'
const files = { 'tokenizer.json': readFileSync(join(root, 'tests/golden/text/tokenizer.json')), 'config.json': '{}', 'model.safetensors': Buffer.alloc(5), 'README.md': 'x' }
const hub = await startHub({ 'acme/tiny': files })
const env = { HF_ENDPOINT: hub.endpoint, HONE_CACHE: project.path('cache') }
const hone = (...args: string[]) => project.start(args, { env }).ended

test('validate asks no network and says what to type, and that fetches what the kind needs and keeps the commit', async () => {
  const validated = await hone('validate', 'pipeline.yaml')
  assert.is(validated.code, 2)
  assert.match(validated.stderr, /pipeline\.yaml:4:\d+ error: "hf:acme\/tiny@main" has not been resolved and fetched yet/)
  assert.match(validated.stderr, /hone update hf:acme\/tiny@main/)
  assert.equal(hub.asked, [])

  const updated = await hone('update', reference, '--json')
  assert.is(updated.code, 0, updated.stderr)
  const folder = project.path('cache/hub/models--acme--tiny/commits', commit)
  assert.equal(updated.json, { references: [{ reference, before: null, now: commit, path: folder }] })
  assert.equal(JSON.parse(project.read('hone.lock')), { version: 1, references: { [reference]: commit } })
  assert.is((await hone('validate', 'pipeline.yaml')).code, 0)

  hub.asked.length = 0
  const again = await hone('update', '--locked')
  assert.equal([again.code, again.stdout, hub.asked], [0, `${reference}  ${commit.slice(0, 12)}, as before  ${folder}\n`, []])
})

test('a run fetches what is not there, and one without network says what to place where', async () => {
  const away = await project.start(['run', 'pipeline.yaml', 'pairs', 'tokens'], { env: { HF_ENDPOINT: 'http://127.0.0.1:9', HONE_CACHE: project.path('other') } }).ended
  assert.is(away.code, 2)
  assert.match(away.stderr, /fetch-failed/)
  assert.match(away.stderr, /127\.0\.0\.1:9 cannot be reached/)
  assert.ok(away.stderr.includes('in place of hf:acme/tiny@main'))
  assert.not.ok(project.has('.hone/runs'))

  hub.asked.length = 0
  const ran = await project.start(['run', 'pipeline.yaml', 'pairs', 'tokens'], { env: { ...env, HONE_CACHE: project.path('third') } }).ended
  assert.match(ran.stderr, /^fetching hf:acme\/tiny@main at aaaaaaaaaaaa: .*\nfetched hf:acme\/tiny@main at aaaaaaaaaaaa, /)
  assert.equal(hub.asked.map(a => a.url.split('/').at(-1)), [`${commit}?blobs=true`, 'tokenizer.json'], 'the port takes the tokenizer alone')
  assert.ok(project.has('.hone/runs'))
})

test('a cache that can be nowhere is a mistake before anything is asked or made, as far down as /proc', async () => {
  project.write({ file: '' })
  const places: [string, string][] = [[project.path('file/cache'), `a file is in the way where a folder should be (${project.path('file')})`]]
  // Below /proc a folder can neither be made nor is it forbidden, and node tries for ever.
  if (process.platform === 'linux') places.push(['/proc/x/hone', '/proc holds no folders of yours'])
  for (const [cache, because] of places) {
    hub.asked.length = 0
    for (const command of [['update', reference, '--json'], ['run', 'pipeline.yaml', '--json']]) {
      const refused = await project.start(command, { env: { ...env, HONE_CACHE: cache } }).ended
      const said = refused.code === 2 ? refused.json.diagnostics : refused
      assert.equal(said.map((d: { code: string; message: string }) => [d.code, d.message]), [['fetch-failed', `"${reference}": There can be no cache at ${cache}: ${because}`]])
      assert.match(said[0].hint, 'HONE_CACHE')
    }
    assert.equal(hub.asked, [])
  }
})

test('what is no reference, and one that the hub does not have, exit 2', async () => {
  const path = await hone('update', './model')
  assert.equal([path.code, path.stderr.includes('No kind knows the reference "./model"')], [2, true])
  const absent = await hone('update', 'hf:acme/none@main', '--json')
  assert.equal([absent.code, absent.json.diagnostics.map((d: { code: string }) => d.code)], [2, ['fetch-failed']])
})

test.run()
