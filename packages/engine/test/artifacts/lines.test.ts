import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lines } from '../../src/artifacts/lines.js'

const file = join(mkdtempSync(join(tmpdir(), 'hone-lines-')), 'rows.jsonl')
const linesOf = async (text: string) => {
  writeFileSync(file, text)
  const read: string[] = []
  for await (const line of lines(file)) read.push(line)
  return read
}

test('a line ends at \\n or \\r\\n, and at nothing else that Unicode calls the end of a line', async () => {
  for (const sign of ['\u2028', '\u2029', '\u0085', '\v', '\f', '\r']) assert.equal(await linesOf(`{"a":"x${sign}y"}\n{"b":1}\r\n`), [`{"a":"x${sign}y"}`, '{"b":1}'], JSON.stringify(sign))
  assert.equal(await linesOf('a\n\nb'), ['a', '', 'b'])
  assert.equal(await linesOf(''), [])
})

test('a line may be longer than what is read at once, and end where that does', async () => {
  const block = 1 << 18
  for (const text of ['x'.repeat(3 * block + 7), 'x'.repeat(block), 'x'.repeat(block - 1), `${'x'.repeat(block - 1)}\r`]) assert.equal((await linesOf(`${text}\n${text}\nlast`)).map(line => line.length), [text.trimEnd().length, text.trimEnd().length, 4])
})

test.run()
