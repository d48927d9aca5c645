import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from '../../src/checkpoint/half-floats.js'

const golden = JSON.parse(readFileSync(new URL('../../../../tests/golden/checkpoint/half-floats.json', import.meta.url), 'utf8')) as Record<string, string>
const bytes = (name: string) => Uint8Array.from(Buffer.from(golden[name]!, 'base64')).buffer
const hash = (values: Float32Array) => createHash('sha256').update(new Uint8Array(values.buffer, 0, values.byteLength)).digest('hex')

test('float32 rounds to the float16 that torch and numpy give, subnormals and ties included', () => {
  assert.equal(float32ToFloat16(new Float32Array(bytes('float32'))), new Uint16Array(bytes('float16')))
})

test('float32 rounds to the bfloat16 that torch gives', () => {
  assert.equal(float32ToBfloat16(new Float32Array(bytes('float32'))), new Uint16Array(bytes('bfloat16')))
})

test('every finite float16 and bfloat16 becomes the float32 that numpy and torch give', () => {
  const every = Uint16Array.from({ length: 65536 }, (_, i) => i)
  const finite16 = every.filter(h => (h & 0x7c00) !== 0x7c00)
  const finiteB16 = every.filter(h => (h & 0x7f80) !== 0x7f80)
  const out16 = new Float32Array(finite16.length)
  const outB16 = new Float32Array(finiteB16.length)
  float16ToFloat32(finite16, out16)
  bfloat16ToFloat32(finiteB16, outB16)
  assert.is(hash(out16), golden.sha256_of_every_finite_float16_as_float32)
  assert.is(hash(outB16), golden.sha256_of_every_finite_bfloat16_as_float32)
})

test('a finite half survives the way to float32 and back', () => {
  const every = Uint16Array.from({ length: 65536 }, (_, i) => i)
  const finite = every.filter(h => (h & 0x7c00) !== 0x7c00)
  const floats = new Float32Array(finite.length)
  float16ToFloat32(finite, floats)
  assert.equal(float32ToFloat16(floats), finite)
})

test('infinities stay infinite and NaN stays NaN', () => {
  for (const [to, from] of [[float32ToFloat16, float16ToFloat32], [float32ToBfloat16, bfloat16ToFloat32]] as const) {
    const out = new Float32Array(3)
    from(to(Float32Array.of(Infinity, -Infinity, NaN)), out)
    assert.equal([...out], [Infinity, -Infinity, NaN])
  }
})

test.run()
