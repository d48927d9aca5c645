import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { canonicalJson, encodeTyped } from '../../src/artifacts/canonical-json.js'
import { digestOf } from '../../src/artifacts/digest.js'

test('the order of keys does not show, that of a list does', () => {
  assert.is(canonicalJson({ b: 1, a: [2, 1] }), '{"a":[2,1],"b":1}')
  assert.is(encodeTyped({ b: 1, a: 2 }), encodeTyped({ a: 2, b: 1 }))
  assert.is.not(encodeTyped([1, 2]), encodeTyped([2, 1]))
})

test('values of different types or boundaries never share an encoding', () => {
  const values = ['1', 1, true, 'true', null, 'null', [], {}, '', [''], [[]], ['a', 'b'], ['ab'], ['a,b'], { a: 'b' }, [['a', 'b']], 's1:a', '\ud800', '"\\ud800"', '\ufffd', 'é', 'e\u0301']
  assert.is(new Set(values.map(v => encodeTyped(v))).size, values.length)
})

test('minus zero is zero, and NaN is refused', () => {
  assert.is(encodeTyped(-0), encodeTyped(0))
  assert.throws(() => encodeTyped(Number.NaN), /Internal/)
})

test('a key does not depend on the order of its components and does on name and value', () => {
  const a = { name: 'a', value: 'x' }
  const b = { name: 'b', value: 'y' }
  assert.is(digestOf([a, b]), digestOf([b, a]))
  assert.is.not(digestOf([a, b]), digestOf([{ name: 'a', value: 'y' }, { name: 'b', value: 'x' }]))
  assert.is.not(digestOf([a]), digestOf([a, b]))
})

test('the encoding of a key stays what it was, since stored results are found by it', () => {
  assert.is(digestOf([{ name: 'params', value: { rank: 8, 'ä': ['x', null, false, 1.5] } }]), '985c7732adfc13e9788cfaf50cbc82e8d4155d721ced5dcc83f9890d1ef11c8b')
})

test.run()
