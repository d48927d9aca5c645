// Plugins as people get them: packed, and installed with npm into a project of their own, as ESM and as CommonJS, with a dependency.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Project } from './rig.js'

const test = suite('packed plugins')
const workshop = realpathSync(mkdtempSync(join(tmpdir(), 'hone packed ')))
test.after(() => rmSync(workshop, { recursive: true, force: true }))

function npm(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8', env: { ...process.env, npm_config_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false' } })
  if (status !== 0) throw new Error(`npm ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** The tarball of a package with these files. */
function pack(manifest: { name: string; version: string; [key: string]: unknown }, files: Readonly<Record<string, string>>): string {
  const folder = join(workshop, `${manifest.name.replace('/', '-')}-${manifest.version}`)
  rmSync(folder, { recursive: true, force: true })
  for (const [name, text] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return join(folder, npm(folder, 'pack', '--silent').trim())
}

const dependency = (version: string, sign: string) => pack({ name: 'hone-test-shouting', version, main: 'index.js' }, { 'index.js': `exports.shout = text => text.toUpperCase() + '${sign}'\n` })
const peers = { peerDependencies: { 'hone-engine': '*', 'hone-plugins': '*' }, peerDependenciesMeta: { 'hone-engine': { optional: true }, 'hone-plugins': { optional: true } }, dependencies: { 'hone-test-shouting': '^1.0.0' } }

const definition = (run: string) => `const stage = defineStage({
  id: 'words/shout', version: 1, summary: 'Words, loudly.', light: true,
  params: params({ type: 'object', additionalProperties: false, properties: { words: { type: 'array', items: { type: 'string' }, default: ['a'] } } }),
  inputs: {}, outputs: { rows: { kind: rows } }, determinism: 'bytes',
  run: ${run},
})
`
const esm = (version: string, prefix = '') => pack({ name: '@acme/hone-shout', version, type: 'module', files: ['lib'], exports: { '.': { types: './lib/index.d.ts', import: './lib/index.js' } }, ...peers }, {
  'lib/index.js': `import { definePlugin, defineStage, params } from 'hone-engine'\nimport { rows } from 'hone-plugins'\n${definition("() => import('./run.js')")}export default definePlugin({ name: '@acme/hone-shout', api: 1, stages: [stage] })\n`,
  'lib/run.js': "import { readFileSync } from 'node:fs'\nimport { shout } from 'hone-test-shouting'\nconst prefix = readFileSync(new URL('./prefix.txt', import.meta.url), 'utf8')\nexport default async function run({ params, outputs }) {\n  for (const word of params.words) await outputs.rows.write({ said: prefix + shout(word) })\n}\n",
  'lib/prefix.txt': prefix,
  'secret.txt': 'not packed',
})
const commonJs = (form: 'plain' | 'compiled') => pack({ name: 'hone-plugin-shout', version: '1.0.0', main: 'index.js', ...peers }, {
  'index.js': `${form === 'compiled' ? "'use strict'\nObject.defineProperty(exports, '__esModule', { value: true })\n" : ''}const { definePlugin, defineStage, params } = require('hone-engine')\nconst { rows } = require('hone-plugins')\n${definition(form === 'compiled' ? "() => Promise.resolve().then(() => require('./run.js'))" : "() => import('./run.js')")}${form === 'compiled' ? 'exports.default' : 'module.exports'} = definePlugin({ name: 'hone-plugin-shout', api: 1, stages: [stage] })\n`,
  'run.js': `const { shout } = require('hone-test-shouting')\n${form === 'compiled' ? "Object.defineProperty(exports, '__esModule', { value: true })\nexports.default" : 'module.exports'} = async function run({ params, outputs }) {\n  for (const word of params.words) await outputs.rows.write({ said: shout(word) })\n}\n`,
})

const project = (plugin: string) => Project.make({
  'package.json': '{ "name": "project", "version": "1.0.0", "private": true }\n',
  'pipeline.yaml': `plugins: ["${plugin}"]\nstages:\n  said: { uses: words/shout, with: { words: [hey, you] } }\n`,
})
/** Runs as on a Node that cannot require ESM, which 20.10 cannot. */
const said = async (p: Project) => {
  const ran = await p.start(['run', 'pipeline.yaml', '--json'], { env: { NODE_OPTIONS: '--no-experimental-require-module' } }).ended
  assert.equal(Object.values(ran.statuses).filter(s => s !== 'ran' && s !== 'hit'), [], ran.stdout + ran.stderr)
  return { status: ran.statuses['said'], text: readFileSync(ran.finished('said').outputs['rows']!.path, 'utf8') }
}

test('an ESM package, with a file of its own beside its code: a new version of it, of its file or of its dependency reruns its stage', async () => {
  const p = project('@acme/hone-shout')
  npm(p.root, 'install', dependency('1.0.0', '!'), esm('1.0.0'))
  assert.not.ok(p.has('node_modules/@acme/hone-shout/secret.txt'))
  assert.equal(await said(p), { status: 'ran', text: '{"said":"HEY!"}\n{"said":"YOU!"}\n' })
  assert.is((await said(p)).status, 'hit')
  npm(p.root, 'install', esm('1.0.1'))
  assert.is((await said(p)).status, 'hit', 'the same code')
  npm(p.root, 'install', esm('1.0.2', '> '))
  assert.equal(await said(p), { status: 'ran', text: '{"said":"> HEY!"}\n{"said":"> YOU!"}\n' })
  npm(p.root, 'install', dependency('1.1.0', '?'))
  assert.equal(await said(p), { status: 'ran', text: '{"said":"> HEY?"}\n{"said":"> YOU?"}\n' })
  npm(p.root, 'install', dependency('1.1.0', '?!'))
  assert.equal(await said(p), { status: 'ran', text: '{"said":"> HEY?!"}\n{"said":"> YOU?!"}\n' }, 'an archive packed anew under its version')
  npm(p.root, 'install', dependency('1.1.0', '?'))
  assert.equal(await said(p), { status: 'hit', text: '{"said":"> HEY?"}\n{"said":"> YOU?"}\n' })
  const { stdout } = await p.hone('stages', '--of', 'pipeline.yaml')
  assert.match(stdout, /words\/shout +Words, loudly\./)
})

for (const form of ['plain', 'compiled'] as const) test(`a CommonJS package, ${form}`, async () => {
  const p = project('hone-plugin-shout')
  npm(p.root, 'install', dependency('1.0.0', '!'), commonJs(form))
  assert.equal(await said(p), { status: 'ran', text: '{"said":"HEY!"}\n{"said":"YOU!"}\n' })
  assert.is((await said(p)).status, 'hit')
})

test('a package that is not installed, and one without its entry, are told at the line that names them', async () => {
  const p = project('@acme/hone-shout')
  const told = async () => (await p.hone('validate', 'pipeline.yaml')).stderr.split('\n').filter(line => /error:|hint:/.test(line))
  assert.equal(await told(), ['pipeline.yaml:1:11 error: the package @acme/hone-shout is not installed (plugin-not-found)', '  hint: Install it in the project (npm install @acme/hone-shout), or write "./…" for a local file.'])
  npm(p.root, 'install', pack({ name: '@acme/hone-shout', version: '0.0.1', type: 'module', files: ['lib'], exports: './lib/index.js' }, { 'index.js': '' }))
  assert.match((await told())[0]!, /^pipeline\.yaml:1:11 error: the package @acme\/hone-shout has no file \.\/lib\/index\.js, which its package\.json names \(plugin-not-found\)/)
})

test.run()
