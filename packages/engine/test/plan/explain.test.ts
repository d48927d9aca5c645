import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describe, explain } from '../../src/plan/explain.js'
import type { Json } from '../../src/artifacts/types.js'

const digest = (text: string) => text.padEnd(64, '0')
const why = (before: Record<string, Json>, after: Record<string, Json>) =>
  describe(explain(Object.entries(before).map(([name, value]) => ({ name, value })), Object.entries(after).map(([name, value]) => ({ name, value }))), 'tune/lora')

test('parameters are named by dotted path with the old value and the new', () => {
  assert.equal(why({ params: { rank: 8, split: { test: 0.1 } } }, { params: { rank: 16, split: { test: 0.2 } } }), ['params.rank: 8 → 16', 'params.split.test: 0.1 → 0.2'])
  assert.equal(why({ params: { a: 1 } }, { params: { b: [1, 2] } }), ['params.a: 1 is gone', 'params.b: [1,2] is new'])
})

test('code, inputs and files say what changed without showing digests', () => {
  assert.equal(why({ code: digest('a') }, { code: digest('b') }), ['the code of tune/lora changed'])
  assert.equal(why({ 'input tokens': [{ label: '', kind: 'tokens', digest: digest('a') }] }, { 'input tokens': [{ label: '', kind: 'tokens', digest: digest('b') }] }), ['input tokens changed'])
  assert.equal(
    why(
      { 'input models': [{ label: 'rank=4', kind: 'model', digest: digest('a') }, { label: 'rank=8', kind: 'model', digest: digest('b') }] },
      { 'input models': [{ label: 'rank=4', kind: 'model', digest: digest('c') }, { label: 'rank=16', kind: 'model', digest: digest('d') }] },
    ),
    ['input models: rank=4 changed', 'input models: rank=8 is gone', 'input models: rank=16 is new'],
  )
  assert.equal(
    why({ 'files paths': [{ name: 'a.md', digest: digest('a') }, { name: 'b.md', digest: digest('b') }] }, { 'files paths': [{ name: 'a.md', digest: digest('e') }, { name: 'c.md', digest: digest('c') }] }),
    ['files paths: a.md changed', 'files paths: b.md is gone', 'files paths: c.md is new'],
  )
  assert.equal(
    why({ 'files model': [{ files: { 'config.json': digest('a') } }, { reference: './m' }] }, { 'files model': [{ files: { 'config.json': digest('b') } }, { reference: './n' }] }),
    ['files model: config.json changed', 'files model: reference: ./m → ./n'],
  )
})

test('of long values the part is shown where they begin to differ', () => {
  const long = (word: string) => `${'echo a long command; '.repeat(4)}echo ${word}; ${'echo and more; '.repeat(6)}`
  assert.equal(why({ params: { command: long('red') } }, { params: { command: long('blue') } }), [
    'params.command: … long command; echo red; echo and more; echo and more; echo … → … long command; echo blue; echo and more; echo and more; echo…',
  ])
  assert.equal(why({ params: { command: long('red') } }, { params: { command: 'x' } }), ['params.command: "echo a long command; echo a long comman…echo and more; " → x'])
})

test('only the order of labels can differ', () => {
  const [a, b] = [{ label: 'a', digest: digest('1') }, { label: 'b', digest: digest('2') }]
  assert.equal(why({ 'input x': [a, b] }, { 'input x': [b, a] }), ['input x: order: ["a","b"] → ["b","a"]'])
})

test('long values lose their middle, and many differences are counted', () => {
  const [line] = why({ params: { prompt: 'a'.repeat(500) } }, { params: { prompt: 'b'.repeat(500) } })
  assert.ok((line as string).length < 160)
  const many = (n: string): Json => Array.from({ length: 9 }, (_, i) => ({ name: `${i}.md`, digest: digest(n) }))
  assert.equal(why({ 'files p': many('a') }, { 'files p': many('b') }).slice(-1), ['files p: 4 more differences'])
})

test('equal keys have no differences, whatever the order of components', () => {
  assert.equal(explain([{ name: 'a', value: { x: 1, y: 2 } }, { name: 'b', value: 1 }], [{ name: 'b', value: 1 }, { name: 'a', value: { y: 2, x: 1 } }]), [])
})

test.run()
