import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { table } from '../../src/ingest/table.js'
import { StageFailed, runStage } from '../context.js'

async function read(name: string, text: string | Buffer, params: Record<string, unknown> = {}) {
  const path = join(await mkdtemp(join(tmpdir(), 'hone-table-')), name)
  await writeFile(path, text)
  const { rows } = await runStage(table, { params, inputs: { file: { path, reference: `data/${name}` } } })
  return (await rows('rows')).map(({ id, ...row }) => {
    assert.type(id, 'string')
    return row
  })
}
async function failure(name: string, text: string | Buffer): Promise<string> {
  try {
    await read(name, text)
  } catch (e) {
    assert.instance(e, StageFailed)
    return (e as Error).message
  }
  throw new Error('it must fail')
}

test('jsonl with a BOM, CRLF, empty lines and a line separator inside a string is read row by row', async () => {
  assert.equal(await read('a.jsonl', '\uFEFF{"q":"a\u2028b"}\r\n\r\n{"q":"c"}'), [{ q: 'a\u2028b' }, { q: 'c' }])
})

test('a broken line of jsonl is named by file and line', async () => {
  assert.match(await failure('a.jsonl', '{"q":1}\n{"q":2}\n{"q":\n'), /^data\/a\.jsonl:3 is not JSON/)
  assert.match(await failure('a.jsonl', '{"q":1}\n[2]\n'), /^data\/a\.jsonl:2 must be a JSON object/)
})

test('a number that would be another is told once, and one that would be none ends the stage', async () => {
  const ran = async (name: string, text: string) => {
    const path = join(await mkdtemp(join(tmpdir(), 'hone-table-')), name)
    await writeFile(path, text)
    return (await runStage(table, { params: {}, inputs: { file: { path, reference: `data/${name}` } } })).warnings
  }
  const said = 'holds the number 12345678901234567891, of which 12345678901234567000 is kept; in quotes it is a text and stays as it is'
  assert.equal(await ran('a.jsonl', '{"n":1}\n{"n":[-12,12345678901234567891]}\n{"n":-12345678901234567891}\n'), [`data/a.jsonl:2 ${said}`])
  assert.equal(await ran('a.json', '[{"n":12345678901234567891}]'), [`data/a.json ${said}`])
  assert.equal(await ran('a.jsonl', '{"12345678901234567891":"a \\"12345678901234567891 1e999","n":9007199254740992,"x":0.12345678901234567891,"y":1e300}'), [])
  assert.is(await failure('a.jsonl', '{"n":1}\n{"n":12345678901234567891,"m":-1e999}\n'), 'data/a.jsonl:2 holds the number -1e999, which is too large for one')
})

test('bytes that are not UTF-8 are told with their line, and UTF-16 by its name', async () => {
  const latin1 = (text: string) => Buffer.from(text, 'latin1')
  assert.is(await failure('a.csv', latin1('q,a\ncafé,2\n')), 'data/a.csv:2 is not text in UTF-8')
  assert.is(await failure('a.tsv', latin1('q\ta\nx\t1\ncaf\xe9\t2')), 'data/a.tsv:3 is not text in UTF-8')
  assert.is(await failure('a.jsonl', latin1('{"q":1}\n{"q":"é"}\n')), 'data/a.jsonl:2 is not text in UTF-8')
  assert.is(await failure('a.json', latin1('[\n\n{"q":"é"}]')), 'data/a.json:3 is not text in UTF-8')
  assert.is(await failure('cut.csv', Buffer.from('q,a\n1,é').subarray(0, -1)), 'data/cut.csv:2 is not text in UTF-8')
  assert.is(await failure('a.csv', Buffer.from('\uFEFFq,a\n1,2\n', 'utf16le')), 'data/a.csv:1 is text in UTF-16, not in UTF-8')
})

test('text is read whole where its signs lie across the pieces that it is read in', async () => {
  const long = `${'x'.repeat((1 << 18) - 10)}é${'€'.repeat(1 << 18)}`
  for (const [name, text] of [['a.csv', `q\n${long}\n`], ['a.jsonl', `{"q":"${long}"}\n`], ['a.json', `[{"q":"${long}"}]`]] as const) assert.equal(await read(name, text), [{ q: long }])
  assert.is(await failure('a.csv', Buffer.concat([Buffer.from(`q\n${long}\n`), Buffer.from([0xe9, 0x0a])])), 'data/a.csv:3 is not text in UTF-8')
})

test('an empty file is an error, whatever its form', async () => {
  assert.is(await failure('a.jsonl', ''), 'data/a.jsonl holds no row')
  assert.is(await failure('a.csv', 'q,a\n'), 'data/a.csv holds no row')
  assert.is(await failure('a.json', '[]'), 'data/a.json holds no row')
})

test('csv keeps newlines and delimiters inside quotes and reads CRLF and a BOM', async () => {
  assert.equal(await read('a.csv', '\uFEFFq,a\r\n"one\r\ntwo","x, ""y"""\r\nthree,z\r\n'), [{ q: 'one\r\ntwo', a: 'x, "y"' }, { q: 'three', a: 'z' }])
})

test('a ragged line of csv is named by its line', async () => {
  assert.is(await failure('a.csv', 'q,a\n1,2\n3\n'), 'data/a.csv:3 has 1 fields where the header has 2')
  assert.match(await failure('a.csv', 'q,a\n1,"2\n'), /^data\/a\.csv(:\d+)? /)
})

test('whatever is wrong with the quotes of csv is told with the file and the line', async () => {
  assert.match(await failure('a.csv', 'q,a\n5" pipe,2\n'), /^data\/a\.csv:2 Invalid Opening Quote: /)
  assert.match(await failure('a.csv', 'q,a\n"1"2,3\n'), /^data\/a\.csv:2 Invalid Closing Quote: /)
})

test('a header with a name twice is refused', async () => {
  assert.is(await failure('a.csv', 'q,q\n1,2\n'), 'data/a.csv:1 names the column "q" twice')
})

test('tsv takes quotes as they stand', async () => {
  assert.equal(await read('a.tsv', 'q\ta\n5" pipe\tyes\n'), [{ q: '5" pipe', a: 'yes' }])
})

test('json may be a list, or an object with one list in it', async () => {
  assert.equal(await read('a.json', '[{"q":1}]'), [{ q: 1 }])
  assert.equal(await read('a.json', '{"version":1,"data":[{"q":1}]}'), [{ q: 1 }])
  assert.match(await failure('a.json', '[{"q":1},\n 2}]'), /^data\/a\.json(:2)? is not JSON/)
  assert.is(await failure('a.json', '[3]'), 'data/a.json item 0 must be an object')
})

test('limit takes the first rows only', async () => {
  assert.equal(await read('a.jsonl', '{"q":1}\n{"q":2}\nbroken', { limit: 2 }), [{ q: 1 }, { q: 2 }])
})

test('an id depends on content alone, and the second of equal rows has #2', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'hone-table-')), 'a.jsonl')
  await writeFile(path, '{"q":1,"a":2}\n{"a":2,"q":1}\n{"q":1,"id":"mine"}\n')
  const rows = await (await runStage(table, { inputs: { file: { path } } })).rows('rows')
  assert.match(rows[0]!.id, /^[0-9a-f]{16}$/)
  assert.is(rows[1]!.id, `${rows[0]!.id}#2`)
  assert.is(rows[2]!.id, 'mine')
})

test('an id that stands twice is refused', async () => {
  assert.is(await failure('a.jsonl', '{"id":"x"}\n{"id":"x"}\n'), 'data/a.jsonl:2 the id "x" stands in an earlier row too')
})

test('an unknown extension is seen before the run; of a form that is not read it is told how to convert it', async () => {
  for (const [name, hint] of [['a.xlsx', /^These four are read: write it as one of them first/], ['a.parquet', /to_json\("rows\.jsonl"/], ['a.txt', /^Say what it is with "format"\.$/]] as const) {
    const problems = await table.check!({ params: {}, inputs: { file: [{ path: `/p/${name}`, logicalName: name, reference: name }] }, upstream: {} })
    assert.equal(problems.map(p => p.param), ['path'])
    assert.match(problems[0]!.hint!, hint)
  }
})

test.run()
