import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project } from '../../../../tests/rig.js'

const test = suite('show --row')
const project = Project.make({
  'docs/a.md': '# Alpha\nThe first letter.\n',
  'docs/b.md': '# Beta\nThe second letter.\n',
  'docs/c.md': '# Gamma\nThe third letter.\n',
  'answer.mjs': `import { readFileSync, writeFileSync } from 'node:fs'
const { HONE_INPUT_PAIRS, HONE_OUTPUT_PREDICTIONS } = process.env
const rows = readFileSync(HONE_INPUT_PAIRS, 'utf8').trim().split('\\n').map(line => JSON.parse(line))
writeFileSync(HONE_OUTPUT_PREDICTIONS, rows.map(({ id, messages }) => JSON.stringify({ id, prediction: 'The first letter.', reference: messages[1].content }) + '\\n').join(''))
`,
  'pipeline.yaml': `stages:
  documents: { uses: ingest/files, with: { paths: [docs/*.md] } }
  pairs: { uses: qa-convert/template, inputs: { documents: documents }, with: { user: "What is {{title}}?", assistant: "{{text}}" } }
  tokens: { uses: tokenize/huggingface, inputs: { examples: pairs }, with: { model: ./models/hone-tiny, max_length: 64 } }
  answers: { uses: command/shell, inputs: { pairs: pairs.examples }, with: { command: node answer.mjs, files: [answer.mjs], outputs: { predictions: predictions } } }
  scored: { uses: evaluate/score, inputs: { predictions: answers.predictions } }
`,
})
project.copyIn(fileURLToPath(new URL('../../../../models/hone-tiny', import.meta.url)), 'models/hone-tiny')

interface Found { stage: string; port: string; file?: string; line: number; row: Record<string, unknown> }
const rowsOf = async (output: string) => project.read((await project.hone('artifacts', 'pipeline.yaml', output)).stdout.trim().slice(project.root.length + 1)).trim().split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
const places = (found: readonly Found[]) => found.map(f => `${f.stage}.${f.port}${f.file ? `/${f.file}` : ''}:${f.line}`)

test('a row is followed from the document it was read from over example and tokens to its prediction and its score', async () => {
  const ran = await project.run()
  assert.is(ran.code, 0, ran.stdout)
  const beta = (await rowsOf('pairs.examples'))[1]!
  const whole = ['documents.documents:2', 'pairs.examples:2', 'tokens.tokens/rows.jsonl:2', 'answers.predictions:2', 'scored.scores:2']
  const { found } = (await project.hone('show', 'last', '--row', beta.id as string, '--json')).json as { found: Found[] }
  assert.equal(places(found), whole)
  assert.equal([found[0]!.row.title, found[4]!.row.exact_match], ['Beta', 0])
})

test('from the document itself the way goes down to all that was made of it, and to nothing else', async () => {
  const alpha = (await rowsOf('documents.documents'))[0]!
  const { found } = (await project.hone('show', 'last', '--row', alpha.id as string, '--json')).json as { found: Found[] }
  assert.equal(places(found), ['documents.documents:1', 'pairs.examples:1', 'tokens.tokens/rows.jsonl:1', 'answers.predictions:1', 'scored.scores:1'])
  const text = (await project.hone('show', 'last', '--row', alpha.id as string)).stdout
  assert.match(text, /^documents \(ingest\/files\) documents line 1\n {2}id {6}[0-9a-f]{16}\n/)
  assert.match(text, /\n\npairs \(qa-convert\/template\) examples line 1\n {2}id {9}[0-9a-f]{16}\n {2}user {7}What is Alpha\?\n {2}assistant {2}The first letter\.\n/)
})

test('it is found after the project was moved, and within one stage alone', async () => {
  const { id } = (await rowsOf('pairs.examples'))[2]!
  const one = (await project.hone('show', 'last', 'scored', '--row', id as string, '--json')).json as { found: Found[] }
  assert.equal(places(one.found), ['scored.scores:3'])
  const moved = project.move()
  const { found } = (await moved.hone('show', 'last', '--row', id as string, '--json')).json as { found: Found[] }
  assert.is(found.length, 5)
  const none = await moved.hone('show', 'last', '--row', 'beef')
  assert.equal([none.code, none.stdout], [2, ''])
  assert.match(none.stderr, /^error: No output of the run \S+ has a row with the id "beef"\.\n$/)
})

test.run()
