// What `hone new` writes works as it stands: its tests pass, it runs, and the package that it makes is packed, installed and run elsewhere.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project } from './rig.js'
import { root } from './sources.js'

const test = suite('hone new')

/** What `npm install` would bring into a project: the packages of the workspace in place of those of the registry. */
function install(folder: string): void {
  const links = { 'hone-engine': 'packages/engine', 'hone-plugins': 'packages/plugins', 'hone-lm': 'packages/lm', 'hone-cli': 'packages/cli', typescript: 'node_modules/typescript', '@types/node': 'node_modules/@types/node', '.bin/tsc': 'node_modules/.bin/tsc' }
  for (const [name, to] of Object.entries(links)) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true })
    symlinkSync(join(root, to), join(folder, 'node_modules', name))
  }
}

function run(cwd: string, command: string): string {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_|HONE_|npm_|FORCE_COLOR|NO_COLOR)/.test(name)))
  const { status, stdout, stderr } = spawnSync(command, { cwd, shell: true, encoding: 'utf8', env: { ...env, npm_config_offline: 'true', npm_config_update_notifier: 'false' } })
  if (status !== 0) throw new Error(`${command}: exit ${status}\n${stdout}\n${stderr}`)
  return stdout
}

const texts = { 'texts.csv': 'text\na rose is a rose\nso is this\n' }
const pipeline = (plugin: string, uses: string) => `plugins: ["${plugin}"]\nstages:\n  texts: { uses: ingest/table, with: { path: texts.csv } }\n  counted: { uses: ${uses}, inputs: { rows: texts }, publish: { rows: out.jsonl } }\n`
const counted = '{"text":"a rose is a rose","id":"248f69078b1b9ad4","words":5}\n{"text":"so is this","id":"ac9655433ef33c94","words":3}\n'

test('a stage: the command that is printed runs its test, and a pipeline runs it', async () => {
  const project = Project.make({ ...texts, 'pipeline.yaml': pipeline('./plugins/count-words.ts', 'qa-convert/count-words') })
  install(project.root)
  const made = await project.hone('new', 'stage', 'qa-convert/count-words', '--json')
  assert.equal([made.code, made.json.files, made.json.next], [0, ['plugins/count-words.ts', 'plugins/count-words.run.ts', 'plugins/count-words.test.mjs'], 'node --test plugins/count-words.test.mjs'], made.stderr)
  const passed = run(project.root, made.json.next)
  assert.match(passed, /pass 20\n/)
  assert.match(passed, /qa-convert\/count-words gives the same bytes again/)
  assert.equal((await project.run()).statuses, { texts: 'ran', counted: 'ran' })
  assert.is(project.read('out.jsonl'), counted)
  const text = project.read('plugins/count-words.run.ts')
  project.edit('plugins/count-words.run.ts', 'words: text', 'at: Math.random(), words: text')
  assert.throws(() => run(project.root, made.json.next), /differs: line 1/)
  project.write({ 'plugins/count-words.run.ts': text })
  const again = await project.hone('new', 'stage', 'count-words')
  assert.equal([again.code, project.read('plugins/count-words.run.ts')], [2, text])
  assert.match(again.stderr, /count-words\.ts, .* are there already; nothing was written/)
})

test('without the packages of hone in the project the command that is printed gets them first', async () => {
  const project = Project.make()
  const { json } = await project.hone('new', 'stage', 'words', '--json')
  assert.match(json.next, /^npm install --onnxruntime-node-install=skip --save-dev hone-engine@\d+\.\d+\.\d+\S* hone-plugins@\S+ && node --test plugins\/words\.test\.mjs$/)
})

test('a plugin: its test passes, its types hold, and packed it carries what it needs, with types, and runs in another project', async () => {
  const workshop = Project.make()
  const made = await workshop.hone('new', 'plugin', '@acme/hone-shout', '--json')
  assert.equal([made.code, made.json.next], [0, 'cd hone-shout && npm install && npm test'], made.stderr)
  const folder = workshop.path('hone-shout')
  for (const name of made.json.files as string[]) assert.not.match(workshop.read(join('hone-shout', name)), /__[a-z]+__/, name)
  install(folder)
  assert.match(run(folder, 'npm test'), /pass 20\n/)
  const packed = JSON.parse(run(folder, 'npm pack --json --silent').replace(/^[^[]*/, ''))[0] as { filename: string; files: { path: string }[] }
  assert.equal(packed.files.map(f => f.path).sort(), ['README.md', 'dist/index.d.ts', 'dist/index.js', 'dist/index.js.map', 'dist/shout.run.d.ts', 'dist/shout.run.js', 'dist/shout.run.js.map', 'package.json'])
  assert.equal((await workshop.start(['run', 'example.yaml', '--json'], { cwd: 'hone-shout' }).ended).statuses, { texts: 'ran', counted: 'ran' })

  const project = Project.make({ ...texts, 'package.json': '{ "name": "p", "version": "1.0.0" }', 'pipeline.yaml': pipeline('@acme/hone-shout', 'rows/shout') })
  const archive = readdirSync(folder).find(name => name.endsWith('.tgz'))!
  // Its peers, the packages of hone, are not in any registry here.
  run(project.root, `npm install --legacy-peer-deps --no-audit --no-fund "${join(folder, archive)}"`)
  assert.ok(existsSync(project.path('node_modules/@acme/hone-shout/dist/index.d.ts')))
  assert.equal((await project.run()).statuses, { texts: 'ran', counted: 'ran' })
  assert.is(project.read('out.jsonl'), counted)
})

test('a name that is none is refused and nothing is written', async () => {
  const project = Project.make()
  for (const [what, name] of [['stage', 'Count Words'], ['stage', 'a/b/c'], ['plugin', 'Acme/x'], ['plugin', '../x']] as const) {
    const { code, stderr } = await project.hone('new', what, name)
    assert.is(code, 2, name)
    assert.match(stderr, /^error: ".*" cannot name a (stage|package)\n {2}hint: /)
  }
  assert.equal(readdirSync(project.root), ['package.json'])
})

test.run()
