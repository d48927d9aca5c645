// Each folder of bad-input/ is a project with a mistake: the command says exactly what is in its expected.txt. UPDATE_EXPECTED=1 writes them anew, to be read.
import { chmodSync, existsSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { baseModel } from '../packages/plugins/test/tune/fixtures.js'
import { nobodyHere, Project, shell, type Ended } from './rig.js'
import { root } from './sources.js'

const test = suite('bad input')
const folder = join(root, 'tests/bad-input')

/** What was said, without what differs from run to run. */
const said = (project: Project, { code, stdout, stderr }: Ended) =>
  `exit ${code}\n${stderr}${stdout}`
    .replaceAll(project.root, '/PROJECT')
    .replace(/\b\d{8}-\d{6}-\d{3}-[0-9a-z]{4}\b/g, 'RUN')
    .replace(/\b[0-9a-f]{64}\b/g, 'DIGEST')
    .replace(/ +\d+(\.\d)? m?s$/gm, ' TIME')
    // The column of times is as wide as the longest.
    .replace(/(skipped) {2,}/g, '$1  ')
    .replace(/\bin \d+(\.\d)? m?s\b/g, 'in TIME')

for (const name of readdirSync(folder)) test(`${name} is told in these words`, async () => {
  const project = Project.make()
  project.copyIn(join(folder, name), '.')
  const text = said(project, await project.hone('run', 'pipeline.yaml'))
  const file = join(folder, name, 'expected.txt')
  if (process.env.UPDATE_EXPECTED) writeFileSync(file, text)
  assert.is(text, existsSync(file) ? readFileSync(file, 'utf8') : undefined)
  if (text.startsWith('exit 2\n')) assert.not.ok(project.has('.hone/runs'), 'nothing was started')
})

test('a syntax error of a plugin is told with its file and line, and so is an import that is not there', async () => {
  const project = Project.make({
    'plugin.ts': "import { definePlugin } from 'hone-engine'\n\nexport default definePlugin({ name: 'syntax', api: 1,, stages: [] })\n",
    'other.ts': "import { nothing } from './absent.js'\nexport default nothing\n",
    'pipeline.yaml': `plugins: [./plugin.ts, ./other.ts]\nstages:\n  a: ${shell('true')}\n`,
  })
  const { code, stderr } = await project.hone('validate', 'pipeline.yaml')
  assert.is(code, 2)
  assert.match(stderr, /^pipeline\.yaml:1:11 error: plugin\.ts:3:54 Expected identifier but found "," \(plugin-syntax\)\n/)
  assert.match(stderr, /\n {2}plugin\.ts:3:54 Expected identifier but found ","\n {2}> 3 \| export default definePlugin/)
  assert.match(stderr, /\npipeline\.yaml:1:24 error: other\.ts:1:25 Could not resolve "\.\/absent\.js" \(plugin-syntax\)\n/)
})

test('every mistake in a file is also what validate and plan say', async () => {
  const project = Project.make()
  project.copyIn(join(folder, 'rank-zero'), '.')
  const [run, plan, validate] = await Promise.all(['run', 'plan', 'validate'].map(command => project.hone(command, 'pipeline.yaml')))
  assert.equal([plan!.code, plan!.stderr], [2, run!.stderr])
  assert.equal([validate!.code, validate!.stderr], [2, run!.stderr])
})

test('a store of a newer version is refused and left alone', async () => {
  const project = Project.make({ 'pipeline.yaml': `stages:\n  a: ${shell('echo "{}" > "$HONE_OUTPUT_TO"')}\n` })
  assert.is((await project.run()).code, 0)
  const newer = '{"format":99}\n'
  project.write({ '.hone/format.json': newer })
  for (const args of [['run', 'pipeline.yaml'], ['plan', 'pipeline.yaml'], ['cache', 'ls'], ['cache', 'gc']]) {
    const { code, stdout, stderr } = await project.hone(...args)
    assert.equal([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, /^error: .*newer version of hone.*\n {2}hint: /, args.join(' '))
  }
  assert.is(project.read('.hone/format.json'), newer)
})

const place = 'hint: Set HONE_HOME to a folder that can be written, or leave it out for `.hone` in the project.'
const impossible = [
  ['taken', /There can be no store at \/PROJECT\/taken: a file is in the way where a folder should be \(\/PROJECT\/taken\) \(store\)\n {2}hint: Move it aside, or set HONE_HOME to another folder\./],
  ['taken/deep/er', /There can be no store at \/PROJECT\/taken\/deep\/er: a file is in the way where a folder should be \(\/PROJECT\/taken\) \(store\)/],
  [`${'long'.repeat(100)}`, /the name is too long for the file system .* \(store\)\n {2}hint: Set HONE_HOME to a folder with a shorter path\./],
  // Below /proc a folder can neither be made nor is it forbidden, and node tries for ever.
  ...(process.platform === 'linux' ? ([['/proc/hone', new RegExp(String.raw`There can be no store at /proc/hone: /proc holds no folders of yours \(store\)\n {2}${place}`)]] as const) : []),
] as const

for (const plugin of [false, true]) test(`a store that can be nowhere is a mistake before the start${plugin ? ', also where a plugin would be prepared there' : ''}`, async () => {
  const project = Project.make({
    'plugin.js': "import { definePlugin } from 'hone-engine'\nexport default definePlugin({ name: 'empty', api: 1 })\n",
    'pipeline.yaml': `${plugin ? 'plugins: [./plugin.js]\n' : ''}stages:\n  a: ${shell('echo "{}" > "$HONE_OUTPUT_TO"')}\n`,
    ...(plugin && { 'hone.yaml': 'plugins: [./plugin.js]\n' }),
    taken: '',
  })
  for (const [home, message] of impossible) {
    for (const command of ['run', 'plan', ...(plugin ? ['doctor'] : [])]) {
      const text = said(project, await project.start([command, 'pipeline.yaml'], { env: { HONE_HOME: home.startsWith('/') ? home : project.path(home) } }).ended)
      assert.match(text, /^exit 2\nerror: /, `${command} ${home}`)
      assert.match(text, message, `${command} ${home}`)
    }
  }
  assert.not.ok(readdirSync(project.root).some(name => name.startsWith('.hone')), 'no trace is left')
})

const readOnly = 'a store in a folder that may not be written is a mistake before the start, unless all is a hit'
test(readOnly, async () => {
  const nobody = nobodyHere()
  if (nobody === undefined) return console.log(`SKIP ${readOnly}: nobody here is refused anything`)
  const project = Project.make({ 'pipeline.yaml': `params: { say: one }\nstages:\n  a: ${shell('echo "{}" > "$HONE_OUTPUT_TO"; echo ${{ params.say }}')}\n` })
  chmodSync(project.root, 0o755)
  assert.is((await project.run()).code, 0)
  chmodSync(project.path('.hone'), 0o555)
  try {
    assert.equal((await project.start(['run', 'pipeline.yaml', '--json'], nobody).ended).statuses, { a: 'hit' })
    for (const home of ['.hone', '.hone/other']) {
      const ran = await project.start(['run', 'pipeline.yaml', '--set', 'say=two'], { ...nobody, env: { HONE_HOME: project.path(home) } }).ended
      assert.match(said(project, ran), /^exit 2\nerror: Cannot write to the store: permission denied \(\/PROJECT\/\.hone\/.*\) \(store\)\n {2}hint: Give yourself the right to write there, or set HONE_HOME to a folder that you own\./)
    }
  } finally {
    chmodSync(project.path('.hone'), 0o755)
  }
})

test('tokens of another model than the one that is tuned, by a parameter, are a mistake before the start where they number too much', async () => {
  const project = Project.make({
    'rows.jsonl': '{"question":"a","answer":"b"}\n',
    'pipeline.yaml': `params: { base: ./large }
stages:
  rows: { uses: ingest/table, with: { path: rows.jsonl } }
  pairs: { uses: qa-convert/template, inputs: { rows: rows }, with: { preset: qa } }
  tokens: { uses: tokenize/huggingface, inputs: { examples: pairs }, with: { model: "\${{ params.base }}", template: chatml } }
  tuned: { uses: tune/lora, inputs: { tokens: tokens }, with: { model: ./small } }
`,
  })
  // Without a tokenizer of its own the small one is a model all the same.
  project.copyIn(await baseModel('float32', { vocab_size: 300 }), 'small')
  rmSync(project.path('small/tokenizer.json'))
  project.copyIn(await baseModel(), 'large')
  const ran = await project.hone('run', 'pipeline.yaml')
  assert.match(said(project, ran), /^exit 2\n[^]*\npipeline\.yaml:6:72 error: "tokens" makes tokens with the tokenizer of \.\/large, which has 420 tokens; the model has 300 \(stage-check\)/)
  assert.not.ok(project.has('.hone/runs'), 'nothing was started')
  project.copyIn(project.path('large/tokenizer.json'), 'small/tokenizer.json')
  assert.match((await project.hone('plan', 'pipeline.yaml', '--set', 'base=./small')).stderr, /does not fit the model: it has 420 tokens, config\.json says 300/)
})

test('outside a project a pipeline that is not there is told with what to do, and nothing is left behind', async () => {
  const project = Project.make()
  rmSync(project.path('package.json'))
  for (const file of ['absent.yaml', '.']) {
    for (const command of ['run', 'plan', 'validate']) {
      const { code, stdout, stderr } = await project.hone(command, file)
      assert.equal([code, stdout], [2, ''])
      assert.match(stderr, file === '.' ? /^error: the pipeline .* is a folder \(no-file\)\n/ : /^error: there is no pipeline .*absent\.yaml \(no-file\)\n/)
      assert.ok(stderr.includes('\n  hint: `hone init` makes a project to start from.\n'), stderr)
    }
  }
  for (const args of [['runs'], ['cache', 'ls'], ['cache', 'gc'], ['stages'], ['update']]) assert.is((await project.hone(...args)).code, 0, args.join(' '))
  assert.equal(readdirSync(project.root), [])
  project.write({ 'sub/pipeline.yaml': '' })
  assert.match((await project.hone('run', 'sub/pipline.yaml')).stderr, /\n {2}hint: Did you mean "sub\/pipeline\.yaml"\?\n/)
})

const unwritable = 'without the right to write, what only looks works, and what writes says so and leaves nothing'
test(unwritable, async () => {
  const nobody = nobodyHere()
  if (nobody === undefined) return console.log(`SKIP ${unwritable}: nobody here is refused anything`)
  const project = Project.make({ 'pipeline.yaml': 'stages:\n  a: { uses: ingest/table, with: { path: a.csv } }\n', 'a.csv': 'a\n1\n' })
  chmodSync(project.root, 0o555)
  try {
    for (const args of [['validate', 'pipeline.yaml'], ['plan', 'pipeline.yaml'], ['graph', 'pipeline.yaml'], ['runs'], ['cache', 'ls'], ['schema']]) {
      const { code, stderr } = await project.start(args, nobody).ended
      assert.equal([code, stderr], [0, ''], args.join(' '))
    }
    for (const args of [['run', 'pipeline.yaml'], ['init', 'new'], ['new', 'stage', 'mine'], ['new', 'plugin', 'mine'], ['schema', '--out', 's.json']]) {
      const { code, stdout, stderr } = await project.start(args, nobody).ended
      assert.equal([code, stdout], [2, ''], `${args.join(' ')}: ${stderr}`)
      assert.match(stderr, /^error: .*permission denied/, args.join(' '))
    }
    assert.equal(readdirSync(project.root).sort(), ['a.csv', 'package.json', 'pipeline.yaml'])
  } finally {
    chmodSync(project.root, 0o755)
  }
})

const unpublished = 'a result that cannot be published, as the disk does not let it, is kept and told by that'
test(unpublished, async () => {
  const nobody = nobodyHere()
  if (nobody === undefined) return console.log(`SKIP ${unpublished}: nobody here is refused anything`)
  const project = Project.make({ 'pipeline.yaml': `stages:\n  a: { uses: command/shell, publish: { to: out/a.jsonl }, with: { command: 'echo "{}" > "$HONE_OUTPUT_TO"', outputs: { to: rows } } }\n` })
  const home = Project.make({})
  chmodSync(home.root, 0o777)
  chmodSync(project.root, 0o555)
  try {
    const ran = await project.start(['run', 'pipeline.yaml'], { ...nobody, env: { HONE_HOME: home.path('store') } }).ended
    assert.is(ran.code, 1, ran.stderr)
    assert.match(ran.stdout, /\nfailed: a \(command\/shell\): cannot publish to out\/a\.jsonl: permission denied \(\.hone\)\n {2}hint: The result is kept in the store: mend that, or publish to another path, and run again\.\n/)
  } finally {
    chmodSync(project.root, 0o755)
  }
  assert.equal((await project.start(['run', 'pipeline.yaml', '--json'], { env: { HONE_HOME: home.path('store') } }).ended).statuses, { a: 'hit' })
  assert.is(project.read('out/a.jsonl'), '{}\n')
})

test('ten megabytes of nesting and an alias bomb are refused soon', async () => {
  const bomb = Array.from({ length: 30 }, (_, i) => `x-${i}: &a${i} [${i === 0 ? '1' : `*a${i - 1}, *a${i - 1}`}]`).join('\n')
  const project = Project.make({ 'deep.yaml': `stages: ${'['.repeat(5_000_000)}${']'.repeat(5_000_000)}\n`, 'bomb.yaml': `${bomb}\nstages: { a: { uses: command/shell, with: *a29 } }\n` })
  const started = performance.now()
  for (const [file, code] of [['deep.yaml', 'yaml-nesting'], ['bomb.yaml', 'yaml-alias']] as const) {
    const ended = await project.hone('validate', file, '--json')
    assert.is(ended.code, 2, ended.stderr)
    assert.equal(ended.json.diagnostics.map((d: { code: string }) => d.code), [code])
  }
  assert.ok(performance.now() - started < 20_000)
})

test('a file in another encoding is told as that; a byte order mark and the ends of lines of Windows are no mistake', async () => {
  const text = `stages:\r\n  a: ${shell('true')}\r\n`
  const project = Project.make({ 'marked.yaml': `\ufeff${text}` })
  writeFileSync(project.path('wide.yaml'), Buffer.from(`\ufeff${text}`, 'utf16le'))
  writeFileSync(project.path('latin.yaml'), Buffer.from(`# prüfen\r\n${text}`, 'latin1'))
  assert.is((await project.hone('validate', 'marked.yaml')).stdout, 'marked.yaml: no mistake found\n')
  for (const name of ['wide.yaml', 'latin.yaml']) {
    const { code, stderr } = await project.hone('validate', name)
    assert.equal([code, stderr], [2, `error: the pipeline ${project.path(name)} is not text in UTF-8 (no-file)\n  hint: Save it as UTF-8.\n\n1 error\n`])
  }
})

test('a file that is far too large for a pipeline is refused by its size, before it is read', async () => {
  const project = Project.make({ 'weights.safetensors': '' })
  truncateSync(project.path('weights.safetensors'), 3e9)
  const { code, stderr } = await project.hone('validate', 'weights.safetensors')
  assert.equal([code, stderr], [2, `error: the pipeline ${project.path('weights.safetensors')} has 2,861 MiB, more than the 32 that are read (no-file)\n  hint: Name a file of YAML here; data belongs in files that parameters name.\n\n1 error\n`])
})

test('paths with spaces, letters beyond ASCII and `..` are no mistake', async () => {
  const project = Project.make({ 'a b/ü/pipe line.yaml': 'stages:\n  rows: { uses: ingest/table, with: { path: "../da ta/zwölf.csv" }, publish: { rows: "aus gabe/zwölf.jsonl" } }\n', 'a b/package.json': '{}', 'da ta/zwölf.csv': 'a\n1\n' })
  const ran = await project.hone('run', 'a b/ü/../ü/pipe line.yaml')
  assert.is(ran.code, 0, ran.stderr)
  assert.is(project.read('a b/aus gabe/zwölf.jsonl'), '{"a":"1","id":"9afeb0f2b203f254"}\n')
})

test.run()
