import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { sha256 } from '../../src/artifacts/digest.js'
import { parsePipeline } from '../../src/source/parse.js'

const store = mkdtempSync(join(tmpdir(), 'hone-remembered-'))
test.after(() => rmSync(store, { recursive: true, force: true }))
const memory = join(store, 'last', 'p.yaml.json')
const read = (text: string, file = memory) => parsePipeline({ file: '/project/p.yaml', text, projectRoot: '/project', env: {}, memory: file })
const text = `params: { n: 2 }
defaults: { env: { A: "1" } }
stages:
  first: { uses: command/shell, with: { command: "echo ü \${{ params.n }}", __proto__: [1, -0, 1e3, null] } }
  second: { uses: command/shell, needs: [first], matrix: { i: [1, 2] }, with: { command: &c "true", also: *c } }
`
const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown

test('a text that was read before gives the same pipeline and the same places, from what was remembered of it', () => {
  const first = read(text)
  assert.ok(first.ok)
  const kept = readFileSync(memory, 'utf8')
  const again = read(text)
  assert.ok(again.ok)
  assert.equal(plain(again.value), plain(first.value))
  assert.is(readFileSync(memory, 'utf8'), kept)
  for (const path of [['stages', 'first', 'with', 'command'], ['stages', 'second', 'env', 'A'], ['stages', 'second', 'nothing'], ['stages', 'first', 'with', '__proto__', 2], ['stages', 'second', 'with', 'also']]) {
    assert.equal(plain(again.value.rangeOf(path)), plain(first.value.rangeOf(path)), path.join('.'))
    assert.equal(plain(again.value.rangeIn(path, 1, 2)), plain(first.value.rangeIn(path, 1, 2)), path.join('.'))
  }
  const { range } = again.value.stages[0]!.uses
  assert.is(text.slice(range.offset, range.offset + range.length), 'command/shell')
  assert.equal([range.line, range.column], [4, 18])
})

test('what was remembered is used: the text is not parsed', () => {
  read(text)
  const kept = readFileSync(memory, 'utf8')
  const forged = kept.slice(kept.indexOf('\n') + 1).replace('"n":2', '"n":9')
  writeFileSync(memory, `${kept.slice(0, kept.indexOf('\n')).split(' ').slice(0, 2).join(' ')} ${sha256(forged)}\n${forged}`)
  const pipeline = read(text)
  assert.ok(pipeline.ok)
  assert.is(pipeline.value.params['n'], 9)
  rmSync(memory)
})

test('another text, and a memory that was damaged, are parsed', () => {
  read(text)
  const changed = read(text.replace('n: 2', 'n: 3'))
  assert.ok(changed.ok)
  assert.is(changed.value.params['n'], 3)
  read(text)
  writeFileSync(memory, readFileSync(memory, 'utf8').replace('"n":2', '"n":7'))
  const damaged = read(text)
  assert.ok(damaged.ok)
  assert.is(damaged.value.params['n'], 2)
  for (const torn of ['', '1', readFileSync(memory, 'utf8').slice(0, 200)]) {
    writeFileSync(memory, torn)
    const pipeline = read(text)
    assert.ok(pipeline.ok)
    assert.is(pipeline.value.params['n'], 2)
  }
})

test('a text with a mistake is not remembered, and its mistake is told every time', () => {
  rmSync(memory, { force: true })
  for (const _ of [1, 2]) {
    const { diagnostics } = read(text.replace('params: { n: 2 }', 'params: { n: 2, n: 3 }'))
    assert.equal(diagnostics.map(d => d.code), ['duplicate-key'])
    assert.not.ok(readdirSync(dirname(memory)).includes('p.yaml.json'))
  }
})

test('nothing is written where there is no store yet, and a text that aliases blow up is parsed again', () => {
  const elsewhere = join(store, 'none', 'last', 'p.yaml.json')
  assert.ok(read(text, elsewhere).ok)
  assert.not.ok(readdirSync(store).includes('none'))
  mkdirSync(dirname(memory), { recursive: true })
  rmSync(memory, { force: true })
  const blown = `x-a: &a [${'aaaaaaaaaaaaaaaa, '.repeat(50)}]\nx-b: [${'*a, '.repeat(50)}]\nstages: { s: { uses: command/shell, with: { command: "true" } } }\n`
  assert.ok(read(blown).ok)
  assert.equal(readdirSync(dirname(memory)), [])
})

test.run()
