import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CheckpointError } from '../../src/checkpoint/checkpoint-error.js'
import { openSafetensors } from '../../src/checkpoint/safetensors.js'
import { writeSafetensors, type FloatType, type TensorEntry } from '../../src/checkpoint/safetensors-write.js'

const golden = JSON.parse(readFileSync(new URL('../../../../tests/golden/checkpoint/safetensors.json', import.meta.url), 'utf8'))
const dir = mkdtempSync(join(tmpdir(), 'hone safetensors '))
const path = join(dir, 'a.safetensors')
const test = suite('safetensors')
test.after(() => rmSync(dir, { recursive: true }))

const goldenEntries = (): TensorEntry[] =>
  Object.entries(golden.values as Record<string, number[]>).map(([name, values]) => {
    const shape = golden.shapes[name] as number[]
    if (name === 'ids') return { name, shape, type: 'int32', data: Int32Array.from(values) }
    if (name === 'mask') return { name, shape, type: 'uint8', data: Uint8Array.from(values) }
    return { name, shape, data: () => Float32Array.from(values) }
  })

for (const dtype of ['float32', 'float16', 'bfloat16'] as FloatType[]) {
  test(`writes in ${dtype} the bytes that the reference implementation writes, whatever the order of the entries`, async () => {
    for (const entries of [goldenEntries(), goldenEntries().reverse()]) {
      await writeSafetensors(path, entries, { dtype, metadata: { format: 'pt' } })
      assert.is(readFileSync(path).toString('base64'), golden[dtype])
    }
  })

  test(`reads the ${dtype} file of the reference implementation`, async () => {
    writeFileSync(path, Buffer.from(golden[dtype], 'base64'))
    const file = await openSafetensors(path)
    assert.equal(file.metadata, { format: 'pt' })
    assert.equal([...file.names].sort(), Object.keys(golden.shapes).sort())
    for (const name of file.names) assert.equal(file.shape(name), golden.shapes[name])
    assert.equal(await file.readInts('ids'), Int32Array.of(1, -2, 70000))
    assert.equal(await file.readInts('mask'), Uint8Array.of(0, 1, 1))
    const floats = await file.read('b.float')
    golden.values['b.float'].forEach((value: number, i: number) => {
      const tolerance = { float32: 0, float16: 2 ** -11, bfloat16: 2 ** -8 }[dtype]
      const expected = dtype === 'float16' && Math.abs(value) > 65504 ? Infinity : Math.fround(value)
      assert.ok(Object.is(floats[i], expected) || Math.abs(floats[i]! - expected) <= Math.max(tolerance * Math.abs(expected), dtype === 'float16' ? 2 ** -25 : 0), `${floats[i]} for ${value}`)
    })
  })
}

test('reads into an array that is given, from any place in a larger one', async () => {
  await writeSafetensors(path, [{ name: 'w', shape: [3], data: Float32Array.of(1, 2, 3) }], { dtype: 'bfloat16' })
  const heap = new Float32Array(5)
  const out = heap.subarray(1, 4)
  assert.is(await (await openSafetensors(path)).read('w', out), out)
  assert.equal([...heap], [0, 1, 2, 3, 0])
})

test('a tensor larger than the conversion buffer survives', async () => {
  const values = Float32Array.from({ length: 5_000_001 }, (_, i) => i % 256)
  await writeSafetensors(path, [{ name: 'w', shape: [5_000_001], data: values }], { dtype: 'float16' })
  assert.ok(Buffer.from((await (await openSafetensors(path)).read('w')).buffer).equals(Buffer.from(values.buffer)))
})

const withHeader = (header: unknown, data = 0) => {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, Buffer.alloc(data)])
}
const refused: [name: string, bytes: Buffer, message: RegExp][] = [
  ['an empty file', Buffer.alloc(0), /is truncated: 0 bytes/],
  ['a header that the file ends in', withHeader({ w: 1 }).subarray(0, 12), /is truncated: the header ends at byte 15, the file at 12/],
  ['an HTML page', Buffer.from('<!doctype html><html>'), /is not a safetensors file: its first 8 bytes/],
  ['a header that is no JSON', withHeader('{"w"'), /its header is no JSON/],
  ['a tensor that the file ends in', withHeader({ w: { dtype: 'F32', shape: [4], data_offsets: [0, 16] } }, 15), /is truncated: the tensor "w" ends at byte \d+, the file at \d+/],
  ['overlapping tensors', withHeader({ v: { dtype: 'F32', shape: [2], data_offsets: [0, 8] }, w: { dtype: 'F32', shape: [2], data_offsets: [4, 12] } }, 12), /"v" and "w" overlap/],
  ['an unknown type', withHeader({ w: { dtype: 'F8_E4M3', shape: [2], data_offsets: [0, 2] } }, 2), /"w" has the type F8_E4M3, which is none of F64, F32/],
  ['bytes that do not fit the shape', withHeader({ w: { dtype: 'F16', shape: [2, 2], data_offsets: [0, 6] } }, 6), /"w" of shape \[2, 2\] in F16 needs 8 bytes, the header gives it 6/],
  ['a negative shape', withHeader({ w: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] } }, 4), /entry of the tensor "w" lacks/],
]
for (const [name, bytes, message] of refused) {
  test(`refuses ${name} and names the file`, async () => {
    writeFileSync(path, bytes)
    const error = await openSafetensors(path).then(() => undefined, (e: unknown) => e)
    assert.instance(error, CheckpointError)
    assert.match((error as Error).message, message)
    assert.ok((error as Error).message.startsWith(path))
  })
}

test('refuses two tensors of one name and values that do not fit the shape', async () => {
  const one = { name: 'w', shape: [1], data: Float32Array.of(1) }
  await writeSafetensors(path, [one, one]).then(() => assert.unreachable(), (e: Error) => assert.match(e.message, /two tensors are named "w"/))
  await writeSafetensors(path, [{ ...one, shape: [2] }]).then(() => assert.unreachable(), (e: Error) => assert.match(e.message, /shape \[2\] but 1 values/))
})

test.run()
