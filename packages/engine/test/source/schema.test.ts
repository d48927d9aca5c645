import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { pipelineSchema } from '../../src/index.js'
import { fakeRegistry } from '../fake-registry.js'

const test = suite('the schema for editors')
const schema = pipelineSchema(fakeRegistry())
const accepts = new Ajv({ strict: false, validateFormats: false }).compile(schema)
const errors = (text: string) => (accepts(parse(text)) ? [] : accepts.errors!.map(e => `${e.instancePath} ${e.keyword}`))

const good = `
name: css
x-anything: { goes: here }
params: { rank: 8, ranks: [4, 8] }
plugins: [./plugin.ts]
defaults: { seed: 7, timeout: 2h, retry: { attempts: 2, backoff: 5s }, resources: { memory: 4GiB } }
stages:
  table: { uses: ingest/table, with: { path: a.jsonl, limit: "\${{ params.rank }}" } }
  pairs: { uses: qa-convert/template, inputs: { rows: table }, with: { split: { test: "\${{ fromJSON(env.TEST) }}" } } }
  tokens: { uses: tokenize/huggingface@1, inputs: { examples: pairs.train }, with: { model: m } }
  tuned: { uses: tune/full, inputs: { tokens: tokens }, with: { model: m, rank: 8 }, matrix: { rank: "\${{ params.ranks }}", seed: [1, 2], exclude: [{ rank: 4 }] }, publish: { model: out/model } }
  errors: { uses: error-analyze/categories, inputs: { examples: pairs, predictions: { a: x.predictions } }, when: params.rank > 4, needs: [table], cache: false }
  other: { uses: acme/unknown, with: { any: thing } }
`

test('what the engine takes it takes', () => {
  assert.equal(errors(good), [])
})

test('it flags unknown keys, parameters and ports, and values out of range', () => {
  const wrong = (from: string, to: string) => errors(good.replace(from, to)).length > 0
  assert.ok(wrong('path: a.jsonl', 'pth: a.jsonl'))
  assert.ok(wrong('model: m, rank: 8', 'model: m, epochs: 0'))
  assert.ok(wrong('inputs: { rows: table }', 'inputs: { row: table }'))
  assert.ok(wrong('publish: { model:', 'publish: { mdel:'))
  assert.ok(wrong('name: css', 'nme: css'))
  assert.ok(wrong('timeout: 2h', 'timeout: soon'))
  assert.ok(wrong('  table:', '  Table:'))
})

test('uses is offered with what each stage does', () => {
  const uses = (schema as any).definitions.stage.properties.uses.anyOf
  assert.match(uses.find((u: any) => u.const === 'tune/lora').description, /^tune\/lora\.\n\nTakes tokens, .*; gives model/)
  assert.ok(uses.length > 10)
})

test('a whole registry refuses a stage that it does not have, with or without a version', () => {
  const whole = new Ajv({ strict: false, validateFormats: false }).compile(pipelineSchema(fakeRegistry(), { isWhole: true }))
  assert.equal([whole(parse('stages: { a: { uses: ingest/table } }')), whole(parse('stages: { a: { uses: ingest/table@1 } }'))], [true, true])
  assert.equal([whole(parse('stages: { a: { uses: acme/unknown } }')), whole(parse('stages: { a: { uses: ingest/tables } }'))], [false, false])
})

test('what it refuses the engine refuses as well, by the folder of mistakes', () => {
  const folder = join(dirname(fileURLToPath(import.meta.url)), '../fixtures/bad-pipelines')
  let refused = 0
  for (const file of readdirSync(folder).filter(name => name.endsWith('.yaml'))) {
    let value: unknown
    try {
      value = parse(readFileSync(join(folder, file), 'utf8'), { maxAliasCount: 1000, logLevel: 'silent' })
    } catch {
      continue
    }
    if (accepts(value)) continue
    refused++
    assert.match(readFileSync(join(folder, file.replace('.yaml', '.txt')), 'utf8'), /\berror:/, file)
  }
  assert.ok(refused >= 15, `${refused}`)
})

test.run()
