import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Json } from '../../src/artifacts/types.js'
import { ParameterSchema } from '../../src/graph/parameters.js'
import { keepCompiled, keepFor, readCompiled } from '../../src/plugin/load-compiled.js'

const test = suite('kept validators')
const folder = mkdtempSync(join(tmpdir(), 'hone-validators-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const rich = {
  properties: {
    name: { type: 'string', minLength: 2, pattern: '^[a-z]+$' },
    rank: { type: 'integer', default: 8 },
    only: { enum: [{ a: [1] }, 'plain'] },
    each: { type: 'array', uniqueItems: true, items: { $ref: '#/$defs/part' } },
    model: { type: 'string', artifact: { port: 'model' } },
  },
  $defs: { part: { type: 'object', properties: { size: { type: 'number', exclusiveMinimum: 0 } }, required: ['size'] } },
}
const values: Json[] = [
  {}, [], { name: 'x' }, { name: '😀' }, { name: 'ab' }, { name: 'AB' }, { rank: 1.5 }, { only: { a: [1] } }, { only: { a: [2] } },
  { each: [{ size: 1 }, { size: 1 }] }, { each: [{ size: 0 }, {}] }, { model: 3 }, { unknown: true },
]

/** What a process that knows nothing yet finds wrong, and the defaults that it sets. */
function findings(schema: object) {
  const parameters = ParameterSchema.of({ params: { schema: schema as never } })
  return values.map(value => {
    const given = structuredClone(value)
    const errors = parameters.errors(given)
    return { given, errors: structuredClone(errors) }
  })
}

let caches = 0
function fresh(): string {
  process.env['HONE_CACHE'] = join(folder, `cache-${caches++}`)
  return join(process.env['HONE_CACHE'], 'compiled')
}
const headerOf = (file: string) => JSON.parse(readFileSync(file).toString('latin1', 0, 1024)) as { source: string }

test('nothing is kept unless the process says what it is for', () => {
  const cache = fresh()
  findings(rich)
  assert.throws(() => readdirSync(cache), /ENOENT/)
})

test('what was kept finds the same mistakes as ajv, and sets the same defaults', () => {
  const cache = fresh()
  const plain = findings(rich)
  assert.ok(plain.filter(({ errors }) => errors.length > 0).length > 7)
  keepFor('test')
  assert.equal(findings(rich), plain)
  assert.is(readdirSync(cache).length, 1)
  assert.equal(findings(rich), plain)
})

test('what was kept is what checks, until the schema is another, if only in the order of its keys', () => {
  const cache = fresh()
  const plain = findings(rich)
  const file = join(cache, readdirSync(cache)[0]!)
  keepCompiled(file, headerOf(file).source, { roles: [], code: Buffer.from('module.exports = () => true') })
  assert.equal(findings(rich), values.map(given => ({ given, errors: [] })))
  const { $defs, properties } = rich
  assert.equal(findings({ $defs, properties }), plain)
  assert.is(readdirSync(cache).length, 2)
  assert.equal(findings({ $defs, properties: { ...properties, rank: { type: 'integer', default: 16 } } })[0]!.given, { rank: 16 })
  assert.is(readdirSync(cache).length, 3)
})

test('what is damaged, of another schema, cut off or empty is made anew', () => {
  const cache = fresh()
  const plain = findings(rich)
  const file = join(cache, readdirSync(cache)[0]!)
  const { source } = headerOf(file)
  const whole = readFileSync(file)
  const flipped = Buffer.from(whole)
  flipped[whole.length - 40]! ^= 1
  keepCompiled(file, 'another', { roles: [], code: Buffer.from('module.exports = () => true') })
  const foreign = readFileSync(file)
  for (const bytes of [flipped, foreign, whole.subarray(0, 1500), whole.subarray(0, 10), Buffer.alloc(0), Buffer.alloc(whole.length)]) {
    writeFileSync(file, bytes)
    assert.equal(findings(rich), plain)
    assert.ok(readCompiled(file, source))
  }
})

test('where nothing can be kept, or nothing is to be, schemas are compiled all the same', () => {
  const plain = findings(rich)
  fresh()
  writeFileSync(process.env['HONE_CACHE']!, '')
  assert.equal(findings(rich), plain)
  const cache = fresh()
  process.env['NODE_DISABLE_COMPILE_CACHE'] = '1'
  try {
    assert.equal(findings(rich), plain)
  } finally {
    delete process.env['NODE_DISABLE_COMPILE_CACHE']
  }
  assert.throws(() => readdirSync(cache), /ENOENT/)
  // Asks for a class of ajv's own.
  ParameterSchema.of({ params: { schema: { $async: true } as never } }).errors({})
  assert.throws(() => readdirSync(cache), /ENOENT/)
})

test.run()
