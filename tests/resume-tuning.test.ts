import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { baseModel } from '../packages/plugins/test/tune/fixtures.js'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const main = fileURLToPath(new URL('../packages/cli/src/main.ts', import.meta.url))
const root = await mkdtemp(join(tmpdir(), 'hone resume '))
test.after(() => rm(root, { recursive: true, force: true }))

const colours = ['red', 'green', 'blue', 'white']
await cp(await baseModel(), join(root, 'base'), { recursive: true })
await writeFile(join(root, 'package.json'), '{}')
await writeFile(join(root, 'rows.jsonl'), Array.from({ length: 64 }, (_, i) => `${JSON.stringify({ question: `What colour is ${i}?`, answer: colours[i % 4] })}\n`).join(''))
await writeFile(join(root, 'pipeline.yaml'), `name: resume
stages:
  rows: { uses: ingest/table, with: { path: rows.jsonl } }
  pairs: { uses: qa-convert/template, inputs: { rows: rows }, with: { preset: qa, split: { validation: 0.1 } } }
  tokens: { uses: tokenize/huggingface, inputs: { examples: pairs.train, validation: pairs.validation }, with: { model: ./base, template: chatml, max_length: 64 } }
  tuned:
    uses: tune/lora
    inputs: { tokens: tokens }
    with: { model: ./base, learning_rate: 0.01, batch_size: 4, max_steps: 120, evaluate_every: 60, save_every: 10 }
    publish: { model: out/model, adapter: out/adapter, report: out/report.html, metrics: out/metrics.json }
`)

/** Starts `hone run` with a store of its own name, in a process group of its own. */
function hone(store: string) {
  const child = spawn(process.execPath, ['--import', tsx, '--conditions=hone-source', main, 'run', 'pipeline.yaml', '--json'], { cwd: root, env: { ...process.env, HONE_HOME: join(root, store) }, detached: true })
  const lines: string[] = []
  let [text, errors] = ['', '']
  child.stdout.on('data', data => {
    text += String(data)
    const parts = text.split('\n')
    text = parts.pop()!
    lines.push(...parts)
  })
  child.stderr.on('data', data => (errors += String(data)))
  return { pid: child.pid!, lines, ended: new Promise<{ code: number | null; errors: string }>(done => child.on('close', code => done({ code, errors }))) }
}
const published = () => ['model/model.safetensors', 'model/config.json', 'adapter/adapter_model.safetensors', 'report.html', 'metrics.json'].map(file => [file, readFileSync(join(root, 'out', file)).toString('base64')])
const checkpoints = (store: string) => {
  try {
    return readdirSync(join(root, store, 'work')).flatMap(key => readdirSync(join(root, store, 'work', key, 'scratch', 'checkpoints'))).filter(name => !name.endsWith('.tmp'))
  } catch {
    return []
  }
}

test('a tuning that is killed goes on from its checkpoint and leaves the bytes of an undisturbed one', async () => {
  const whole = await hone('undisturbed').ended
  assert.is(whole.code, 0, whole.errors)
  const expected = published()
  await rm(join(root, 'out'), { recursive: true })

  const killed = hone('killed')
  const isOver = killed.ended.then(() => true)
  while (checkpoints('killed').length === 0 && !(await Promise.race([isOver, setTimeout(5, false)])));
  // The program alone: its children must notice by themselves.
  process.kill(killed.pid, 'SIGKILL')
  assert.is((await killed.ended).code, null)

  const resumed = hone('killed')
  const { code, errors } = await resumed.ended
  assert.is(code, 0, errors)
  const tuned = resumed.lines.map(line => JSON.parse(line) as Record<string, unknown>).filter(event => event.stage === 'tuned')
  assert.match(tuned.filter(e => e.type === 'log').map(e => String(e.message)).join('\n'), /going on after step \d+0\b/)
  assert.equal(published(), expected)
})

test.run()
