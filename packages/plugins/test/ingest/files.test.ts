import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { files } from '../../src/ingest/files.js'
import { StageFailed, runStage } from '../context.js'

/** Documents of files by their logical names, without ids. */
async function read(contents: Record<string, string | Buffer>, params: Record<string, unknown> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'hone files-'))
  for (const [name, text] of Object.entries(contents)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  const { rows } = await runStage(files, { params, inputs: { files: Object.keys(contents).map(name => ['', { path: join(folder, name), logicalName: name }] as const) } })
  return (await rows('documents')).map(({ id, ...row }) => {
    assert.match(id, /^[0-9a-f]{16}/)
    return row
  })
}
async function failure(contents: Record<string, string | Buffer>): Promise<string> {
  try {
    await read(contents)
  } catch (e) {
    assert.instance(e, StageFailed)
    return (e as Error).message
  }
  throw new Error('it must fail')
}

test('Markdown is split at headings, with the path of headings as the title and an anchor in the source', async () => {
  const text = '---\ntitle: The guide\n---\nBefore.\n\n# Guide\n\nAbout *it*.\n\n## Install `npm`\n\nRun:\n\n```sh\n# not a heading\nnpm i\n```\n\n## Empty\n\n### Deep\n\n- a\n- b\n\n# Guide\n\nAgain.\n'
  assert.equal(await read({ 'docs/a.md': text }), [
    { title: 'The guide', text: 'Before.', source: 'docs/a.md' },
    { title: 'Guide', text: 'About *it*.', source: 'docs/a.md#guide' },
    { title: 'Guide › Install npm', text: 'Run:\n\n```sh\n# not a heading\nnpm i\n```', source: 'docs/a.md#install-npm' },
    { title: 'Guide › Empty › Deep', text: '- a\n- b', source: 'docs/a.md#deep' },
    { title: 'Guide', text: 'Again.', source: 'docs/a.md#guide-1' },
  ])
})

test('headings below the depth stay in the text, and split: none keeps the file whole', async () => {
  const contents = { 'a.md': '# A\n\none\n\n## B\n\ntwo\n' }
  assert.equal((await read(contents, { depth: 1 })).map(d => [d.title, d.text]), [['A', 'one\n\n## B\n\ntwo']])
  assert.equal((await read(contents, { split: 'none' })).map(d => [d.title, d.text]), [['a', '# A\n\none\n\n## B\n\ntwo']])
})

test('HTML gives readable text: lists, tables, code, entities, and no scripts or navigation', async () => {
  const page = `<!doctype html><title>The page</title><style>p{}</style><nav><a>Home</a></nav>
    <h1 id="top">Top &amp; first</h1><p>One <b>bold</b>
    word.<br>Next <code>a &lt; b</code></p><script>alert(1)</script>
    <ul><li>first<li>second</ul><pre>x = 1
  y = 2</pre><h2>Sub</h2><table><tr><th>k<th>v<tr><td>a<td>1</table><footer>foot</footer>`
  assert.equal(await read({ 'p.html': page }), [
    { title: 'Top & first', text: 'One bold word.\nNext `a < b`\n\n- first\n- second\n\n```\nx = 1\n  y = 2\n```', source: 'p.html#top' },
    { title: 'Top & first › Sub', text: 'k | v |\na | 1 |', source: 'p.html#sub' },
  ])
})

test('of a page with one main only that is read', async () => {
  assert.equal((await read({ 'p.html': '<body><div>menu</div><main><p>text</p></main>' }))[0]!.text, 'text')
})

test('a text file is one document named for the file', async () => {
  assert.equal(await read({ 'notes/todo.txt': 'one\r\n\r\n# two\r\n' }), [{ title: 'todo', text: 'one\n\n# two', source: 'notes/todo.txt' }])
})

test('what an earlier stage made has no name, so that its place is not in the output', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hone-'))
  await writeFile(join(folder, 'secret-name.md'), 'text')
  const { rows } = await runStage(files, { inputs: { files: [['', { path: join(folder, 'secret-name.md'), logicalName: '' }]] } })
  assert.equal((await rows('documents')).map(d => [d.title, d.source]), [['document', 'document.md']])
})

test('a folder stands for its files in the order of their names', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hone-'))
  await mkdir(join(folder, 'sub'))
  await writeFile(join(folder, 'sub/b.md'), 'b')
  await writeFile(join(folder, 'a.txt'), 'a')
  await writeFile(join(folder, 'c.png'), Buffer.from([1, 255]))
  const { rows, logs } = await runStage(files, { inputs: { files: [['', { path: folder, logicalName: '' }]] } })
  assert.equal((await rows('documents')).map(d => d.source), ['a.txt', 'sub/b.md'])
  assert.match(logs.join(), /1 files of other kinds were left out/)
})

test('a file that is named itself and cannot be read is seen before the run; what a glob or a folder brings along is not', async () => {
  const named = (path: string, reference: string) => ({ path: `/p/${path}`, logicalName: path.slice(path.indexOf('/') + 1), reference })
  const given = [named('a.md', 'a.md'), named('d.csv', 'd.csv'), named('x.PDF', './x.PDF'), named('notes', 'notes'), named('docs/b.pdf', 'docs'), named('docs/c.pdf', 'docs/*.pdf')]
  assert.equal(await files.check!({ params: { paths: ['a.md', 'd.csv', './x.PDF', 'notes', 'docs', 'docs/*.pdf'], split: 'heading', depth: 6, minimum: 1 }, inputs: { files: given }, upstream: {} }), [
    { message: '"d.csv" is no md, txt or html file by its extension', param: 'paths/1', hint: 'ingest/table reads it, a row a line.' },
    { message: '"./x.PDF" is no md, txt or html file by its extension', param: 'paths/2', hint: 'Convert it to one of these, or leave it out.' },
  ])
})

test('files that are no text, of another kind or empty fail by name', async () => {
  assert.is(await failure({ 'a.md': Buffer.from([0x23, 0xff, 0xfe]) }), 'a.md is not text in UTF-8')
  assert.is(await failure({ 'a.docx': 'x' }), 'none of the 1 files is md, txt or html, for example a.docx')
  assert.is(await failure({ 'a.md': '# only a heading\n' }), 'the 1 files hold no text')
})

test.run()
