import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { followRow, type RunOutput } from '../../src/report/lineage.js'

const test = suite('a row’s whole way')
const dir = mkdtempSync(join(tmpdir(), 'hone-lineage-'))
const output = (stage: string, rows: readonly object[] | string): RunOutput => {
  const path = join(dir, `${stage}.jsonl`)
  writeFileSync(path, typeof rows === 'string' ? rows : rows.map(row => `${JSON.stringify(row)}\n`).join(''))
  return { stage, uses: 'x/y', port: 'rows', kind: 'rows', path }
}
mkdirSync(join(dir, 'tokens'))
writeFileSync(join(dir, 'tokens/rows.jsonl'), '{"split":"train","row":0,"id":"e1"}\n{"split":"train","row":1,"id":"e2"}\n{"split":"train","row":2,"id":"e3"}\n')
writeFileSync(join(dir, 'tokens/weights.bin'), 'e1')
// Two questions were made of document d1 and one of d2.
const outputs: readonly RunOutput[] = [
  output('documents', [{ id: 'd1', source: 'a.md' }, { id: 'd2', source: 'a.md' }]),
  output('examples', [{ id: 'e1', source: 'd1' }, { id: 'e2', source: 'd1' }, { id: 'e3', source: 'd2' }]),
  { stage: 'tokens', uses: 'x/y', port: 'tokens', kind: 'tokens', path: join(dir, 'tokens') },
  output('predictions', [{ id: 'e1', prediction: 'says e3' }, { id: 'e2' }, { id: 'e3' }]),
  output('report', '<html>e1 d1</html>\n{"id":"e1"}\n'),
  output('torn', '{"id":"e1"\n{"id":"e1"}\n'),
  { stage: 'gone', uses: 'x/y', port: 'rows', kind: 'rows', path: join(dir, 'gone.jsonl') },
]
const way = async (id: string) => (await followRow(outputs, id)).map(f => `${f.stage}${f.file ? `/${f.file}` : ''}:${f.line}`)

test('up to what it was made of, and not to what else was made of that', async () => {
  assert.equal(await way('e1'), ['documents:1', 'examples:1', 'tokens/rows.jsonl:1', 'predictions:1', 'torn:2'])
})

test('down to all that was made of it, over rows that do not name it themselves', async () => {
  assert.equal(await way('d1'), ['documents:1', 'examples:1', 'examples:2', 'tokens/rows.jsonl:1', 'tokens/rows.jsonl:2', 'predictions:1', 'predictions:2', 'torn:2'])
})

test('a text that holds the id is no row of it, and an id that is nowhere has no way', async () => {
  assert.equal(await way('e3'), ['documents:2', 'examples:3', 'tokens/rows.jsonl:3', 'predictions:3'])
  assert.equal(await way('e'), [])
})

test.run()
