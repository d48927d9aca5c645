import { mkdir, mkdtemp, readdir, readFile, realpath, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { loadRegistry, builtInPlugin } from '../../src/plugin/load.js'
import { defineKind, definePlugin } from '../../src/plugin/define.js'
import type { Registry } from '../../src/plugin/registry.js'

const kindsModule = `export const rows = { id: 'rows', summary: 'Rows.', form: 'file', extension: 'jsonl', rows: {} }
export default { name: 'hone-test-kinds', api: 1, kinds: [rows] }
`
const pluginSource = (more = '') => `import { definePlugin, defineStage, params } from 'hone-engine'
import { rows } from 'hone-test-kinds'
${more}
const stage = defineStage<{ n: number }>({
  id: 'ingest/numbers', version: 1, summary: 'Numbers.',
  params: params({ type: 'object', properties: { n: { type: 'integer' } }, additionalProperties: false }),
  inputs: {}, outputs: { rows: { kind: rows } }, determinism: 'bytes',
  run: () => import('./numbers.run'),
})
export default definePlugin({ name: 'numbers', api: 1, stages: [stage] })
`
const runSource = `import { double } from './arithmetic'
export default async function run({ params, outputs }) {
  for (let i = 0; i < params.n; i++) await outputs.rows.write({ i: double(i) })
}
`
const arithmetic = `export const double = (x: number) => x * 2
export const half = (x: number) => x / 2
`

const rows = defineKind({ id: 'rows', summary: 'Rows.', form: 'file', extension: 'jsonl', rows: {} })

async function project(files: Record<string, string>) {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'hone plugin ')))
  await write(root, { 'builtin/kinds.mjs': kindsModule, 'package.json': '{"name":"p","version":"1.0.0"}', ...files })
  return root
}

async function write(root: string, files: Record<string, string>) {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
}

const load = (root: string, ...names: string[]) =>
  loadRegistry({
    // Only what never loads is worth no wait.
    ...(names.includes('./waits.ts') && { loadTimeoutMs: 2000 }),
    builtIn: [builtInPlugin(definePlugin({ name: 'hone-test-kinds', api: 1, kinds: [rows] }), pathToFileURL(join(root, 'builtin/kinds.mjs')).href)],
    plugins: names.map((value, i) => ({ value, range: { file: join(root, 'p.yaml'), offset: 10 * i, length: 5, line: i + 2, column: 5 } })),
    projectRoot: root,
  })

async function registry(root: string, ...names: string[]): Promise<Registry> {
  const result = await load(root, ...names)
  assert.ok(result.ok, JSON.stringify(result.diagnostics, null, 1))
  return (result as { value: Registry }).value
}

const problems = async (root: string, ...names: string[]) => (await load(root, ...names)).diagnostics
const digest = async (root: string, ...names: string[]) => (await registry(root, ...(names.length ? names : ['./numbers.ts']))).stage('ingest/numbers')!.codeDigest()

const numbers = { 'numbers.ts': pluginSource(), 'numbers.run.ts': runSource, 'arithmetic.ts': arithmetic }

test('a TypeScript file of the project is a plugin, without the engine in its node_modules', async () => {
  const root = await project(numbers)
  const stage = (await registry(root, './numbers.ts')).stage('ingest/numbers')!
  assert.is(stage.plugin.name, 'numbers')
  assert.is(typeof (await stage.definition.run()).default, 'function')
  assert.match(await stage.codeDigest() ?? '', /^[0-9a-f]{64}$/)
})

test('the digest of a stage follows what its function does, and nothing else', async () => {
  const root = await project(numbers)
  const before = await digest(root)
  await write(root, { 'numbers.run.ts': `// A comment.\n/* and one more */\n${runSource.replace('let i = 0', 'let   i   =   0')}`, 'numbers.ts': pluginSource('// another') })
  assert.is(await digest(root), before, 'a comment and a reformat')
  await write(root, { 'arithmetic.ts': arithmetic.replace('x / 2', 'Math.trunc(x) - x.toString().trim().length') })
  assert.is(await digest(root), before, 'a function that the stage does not reach')
  await write(root, { 'arithmetic.ts': arithmetic.replace('x * 2', 'x * 3') })
  assert.is.not(await digest(root), before, 'a function that it reaches')
  await write(root, { 'arithmetic.ts': arithmetic })
  assert.is(await digest(root), before, 'and back')
})

test('a digest does not depend on the folder or on which process made it', async () => {
  const [a, b] = [await project(numbers), await project(numbers)]
  const first = await digest(a)
  assert.is(await digest(b), first)
  await rm(join(a, '.hone'), { recursive: true })
  assert.is(await digest(a), first)
})

test('a function that stands in the plugin file itself makes the whole file count', async () => {
  const inline = (body: string) => pluginSource().replace("() => import('./numbers.run')", `async () => ({ default: async ({ outputs }) => { ${body} } })`)
  const root = await project({ 'numbers.ts': inline('await outputs.rows.write({ a: 1 })') })
  const before = await digest(root)
  await write(root, { 'numbers.ts': inline('await   outputs.rows.write({ a: 1 }) /* one row */') })
  assert.is(await digest(root), before)
  await write(root, { 'numbers.ts': inline('await outputs.rows.write({ a: 2 })') })
  assert.is.not(await digest(root), before)
})

test('the version of an npm package is part of the digest, and so is a file named by new URL', async () => {
  const pack = (version: string) => ({ 'node_modules/dep/package.json': `{"name":"dep","version":"${version}","main":"i.js"}`, 'node_modules/dep/i.js': 'module.exports = 3' })
  const using = { ...numbers, 'numbers.run.ts': "import { readFileSync } from 'node:fs'\nimport three from 'dep'\nexport default ({ outputs }) => outputs.rows.write({ three, text: readFileSync(new URL('./asset.txt', import.meta.url), 'utf8') })\n", 'asset.txt': 'a' }
  const root = await project({ ...using, ...pack('1.0.0') })
  const before = await digest(root)
  assert.ok(before)
  await write(root, pack('1.0.1'))
  const newer = await digest(root)
  assert.is.not(newer, before)
  await write(root, { 'asset.txt': 'b' })
  assert.is.not(await digest(root), newer)
  const written: unknown[] = []
  const { default: run } = await (await registry(root, './numbers.ts')).stage('ingest/numbers')!.definition.run()
  await run({ outputs: { rows: { path: '', write: async (row: unknown) => void written.push(row) } } } as never)
  assert.equal(written, [{ three: 3, text: 'b' }])
})

/** The digests of a stage whose function is `run`, before and after an edit, after another one of what it does not reach, and after what is kept of it is gone. */
async function edits(run: string, files: Record<string, string>, edit: Record<string, string>, entry = 'numbers.run.ts') {
  const { 'numbers.run.ts': _, ...rest } = numbers
  const root = await project({ ...rest, 'unreached.txt': 'a', ...files, [entry]: run })
  const before = await digest(root)
  await new Promise(done => setTimeout(done, 60))
  await write(root, { 'unreached.txt': 'b' })
  const same = await digest(root)
  await write(root, edit)
  const after = await digest(root)
  await rm(join(root, '.hone'), { recursive: true })
  return { before, same, after, anew: await digest(root) }
}

test('what a stage requires by createRequire, takes by a pattern or runs in a thread is part of the digest', async () => {
  const made = "import { createRequire } from 'node:module'\n"
  const helper = (n: number) => ({ 'helper.cjs': `module.exports = require('./deep/below.cjs') + ${n}\n` })
  const below = (n: number) => ({ 'deep/below.cjs': `module.exports = ${n}\n` })
  const langs = (more = {}) => ({ 'langs/de.js': 'export default 1\n', ...more })
  const cases: [run: string, files: Record<string, string>, edit: Record<string, string>, entry?: string][] = [
    [`${made}const load = createRequire(import.meta.url)\nexport default () => load('./helper.cjs')\n`, { ...helper(1), ...below(1) }, helper(2)],
    [`${made}const load = createRequire(import.meta.url)\nexport default () => load('./helper.cjs')\n`, { ...helper(1), ...below(1) }, below(2)],
    [`${made}const require = createRequire(import.meta.url)\nexport default (): object => require('./words.json')\n`, { 'words.json': '["a"]' }, { 'words.json': '["b"]' }],
    [`${made}export default () => createRequire(import.meta.url)('./words.json')\n`, { 'words.json': '["a"]' }, { 'words.json': '["b"]' }],
    [`${made}export default () => createRequire(import.meta.url).resolve('./words.dat')\n`, { 'words.dat': 'a' }, { 'words.dat': 'b' }],
    [`${made}const r = createRequire(import.meta.url)\nexport default () => r('dep')\n`, { 'node_modules/dep/package.json': '{"name":"dep","version":"1.0.0","main":"i.js"}', 'node_modules/dep/i.js': '' }, { 'node_modules/dep/package.json': '{"name":"dep","version":"2.0.0","main":"i.js"}' }],
    ['export default async ({ params }) => import(`./langs/${params.n}.js`)\n', langs(), langs({ 'langs/de.js': 'export default 2\n' })],
    ['export default async ({ params }) => import(`./langs/${params.n}.js`)\n', langs(), { 'langs/en.js': 'export default 1\n' }],
    ["import { Worker } from 'node:worker_threads'\nexport default () => new Worker(new URL('./thread.mjs', import.meta.url))\n", { 'thread.mjs': "import './deep/part.mjs'\n", 'deep/part.mjs': 'postMessage(1)\n' }, { 'deep/part.mjs': 'postMessage(2)\n' }],
  ]
  for (const [run, files, edit, entry] of cases) {
    const { before, same, after, anew } = await edits(run, files, edit, entry)
    assert.ok(before, run)
    assert.is(same, before, run)
    assert.is.not(after, before, run)
    assert.is(anew, after, run)
  }
})

test('code that only the run can know has no digest', async () => {
  for (const run of [
    'export default async ({ params }) => { await import(params.module) }\n',
    'export default async ({ projectRoot }) => import("file://" + projectRoot + "/helper.mjs")\n',
    'declare const require: (name: string) => unknown\nexport default ({ params }) => require(params.module)\n',
    "import { createRequire } from 'node:module'\nconst load = createRequire(import.meta.url)\nexport default ({ params }) => load(params.module)\n",
    "import { createRequire } from 'node:module'\nconst load = createRequire(import.meta.url)\nexport default () => [1].map(load)\n",
    "import { createRequire } from 'node:module'\nexport default ({ projectRoot }) => createRequire(projectRoot)('./helper.cjs') ?? createRequire(import.meta.url)\n",
    'export default () => import.meta.dirname\n',
    'const meta = import.meta\nexport default () => meta.url\n',
    'export default () => import.meta.resolve("./numbers.ts")\n',
    'export default () => __filename\n',
    "export default () => new Worker(new URL('./thread.mjs', import.meta.url))\n",
  ]) {
    const root = await project({ ...numbers, 'helper.mjs': '', 'thread.mjs': 'await import(process.argv[2])\n', 'numbers.run.ts': run })
    assert.is(await digest(root), undefined, run)
  }
})

test('words of a comment, of a text and of what is not reached are no code that only the run can know', async () => {
  const plain = await digest(await project({ ...numbers, 'numbers.run.ts': 'export default () => "do not import(x) things, nor require(y), nor __dirname"\n' }))
  assert.ok(plain)
  const said = "// never uses __dirname here, nor import.meta.url, nor new URL('./gone.txt', import.meta.url)\nexport default () => /* import(x) */ \"do not import(x) things, nor require(y), nor __dirname\"\n"
  assert.is(await digest(await project({ ...numbers, 'numbers.run.ts': said })), plain)
  const reached = { ...numbers, 'arithmetic.ts': `${arithmetic}export const other = (name: string) => import(name)\n` }
  assert.is(await digest(await project(reached)), await digest(await project(numbers)))
})

test('a package of node_modules is a plugin by its name', async () => {
  const root = await project({
    'node_modules/@acme/plugin/package.json': '{"name":"@acme/plugin","version":"2.1.0","type":"module","exports":{".":{"import":"./lib/index.js"}}}',
    'node_modules/@acme/plugin/lib/index.js': pluginSource().replace('<{ n: number }>', '').replace('./numbers.run', './run.js'),
    'node_modules/@acme/plugin/lib/run.js': 'export default () => {}\n',
  })
  const stage = (await registry(root, '@acme/plugin')).stage('ingest/numbers')!
  assert.is(stage.plugin.version, '2.1.0')
  assert.ok(await stage.codeDigest())
})

test('a package that is made for another engine version is refused by its range, and not loaded', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  const acme = (ranges: object, code = pluginSource().replace('<{ n: number }>', '').replace('./numbers.run', './run.js')) => ({
    'builtin/package.json': '{"name":"hone-test-kinds","version":"3.2.1"}',
    'node_modules/acme/package.json': JSON.stringify({ name: 'acme', version: '2.1.0', type: 'module', main: 'index.js', ...ranges }),
    'node_modules/acme/index.js': code,
    'node_modules/acme/run.js': 'export default () => {}\n',
  })
  const said = async (ranges: object, code?: string) => (await problems(await project(acme(ranges, code)), 'acme')).map(d => `${d.range?.line} ${d.code}: ${d.message}`)
  const unknown = 'import { defineFuture } from "hone-engine"\nthrow new Error("loaded")\n'
  assert.equal(await said({ peerDependencies: { 'hone-engine': '^9.1.0' } }, unknown), [`2 plugin-api: acme 2.1.0 is for hone-engine ^9.1.0; this is hone-engine ${version}`])
  assert.equal(await said({ peerDependencies: { 'hone-test-kinds': '>=1 <3' } }), ['2 plugin-api: acme 2.1.0 is for hone-test-kinds >=1 <3; this is hone-test-kinds 3.2.1'])
  assert.equal(await said({ dependencies: { 'hone-engine': '9.1.0' } }), [`2 plugin-api: acme 2.1.0 is for hone-engine 9.1.0; this is hone-engine ${version}`])
  for (const range of [version, `^${version}`, `<=${version}`, '*', 'workspace:*', 'latest']) assert.equal(await said({ peerDependencies: { 'hone-engine': range, 'hone-test-kinds': '^3' } }), [], range)
})

test('hone\'s own packages of different versions are refused', async () => {
  const root = await project({ ...numbers, 'builtin/package.json': '{"name":"hone-test-kinds","version":"9.0.0","dependencies":{"hone-engine":"9.0.0"}}' })
  const [problem, ...others] = await problems(root, './numbers.ts')
  assert.match(problem!.message, /^hone-test-kinds 9\.0\.0 is for hone-engine 9\.0\.0; this is hone-engine \d/)
  assert.equal([problem!.code, problem!.range, others], ['plugin-api', undefined, []])
})

test('a package that was packed without its entry says which file is missing; one that names it as Node may is found', async () => {
  const acme = (manifest: object) => ({
    'node_modules/acme/package.json': JSON.stringify({ name: 'acme', version: '1.0.0', type: 'module', ...manifest }),
    'node_modules/acme/lib/index.js': pluginSource().replace('<{ n: number }>', '').replace('./numbers.run', './run.js'),
    'node_modules/acme/lib/run.js': 'export default () => {}\n',
  })
  for (const manifest of [{ main: 'dist/index.js' }, { exports: { '.': { import: './dist/index.js' } } }, { exports: './dist/index.js' }]) {
    const [problem, ...others] = await problems(await project(acme(manifest)), 'acme')
    assert.match(problem!.message, /^the package acme has no file (\.\/)?dist\/index\.js, which its package\.json names$/)
    assert.equal([problem!.code, problem!.range?.line, others], ['plugin-not-found', 2, []])
    assert.match(problem!.hint!, /before it was built/)
  }
  for (const main of ['lib', './lib/index', 'lib/index.js']) assert.equal(await problems(await project(acme({ main })), 'acme'), [], main)
})

test('a package.json that is not one is told with its file, of the plugin and of what it imports', async () => {
  for (const [text, why] of [['{"name": ', /^the package acme cannot be read: .*node_modules\/acme\/package\.json is not JSON: /], ['null', /package\.json holds no JSON object$/], ['{"main": {}}', /has no file index\.js/]] as const) {
    const [problem, ...others] = await problems(await project({ 'node_modules/acme/package.json': text }), 'acme')
    assert.match(problem!.message, why)
    assert.equal([problem!.code, problem!.range?.line, others], ['plugin-not-found', 2, []])
  }
  const importing = { 'p.ts': pluginSource(), 'numbers.run.ts': 'import { one } from "lib"\nexport default () => one\n', 'node_modules/lib/index.js': 'export const one = 1\n', 'node_modules/lib/package.json': '{"name":"lib","version":"1.0.0","main":"index.js","dependencies":{"low":"1"}}', 'node_modules/low/package.json': '{"name":' }
  const stage = (await registry(await project(importing), './p.ts')).stage('ingest/numbers')!
  assert.is(await stage.codeDigest(), undefined)
  assert.match(stage.codeFault?.() ?? '', /node_modules\/low\/package\.json is not JSON: /)
})

test('a plugin that is unchanged is not bundled again', async () => {
  const root = await project(numbers)
  for (const path of Object.keys(numbers)) await utimes(join(root, path), 1, 1)
  await new Promise(done => setTimeout(done, 120))
  await digest(root)
  await new Promise(done => setTimeout(done, 10))
  const known = join(root, '.hone/plugins/known')
  const times = async () => Promise.all((await readdir(known)).map(async f => JSON.parse(await readFile(join(known, f), 'utf8')).at))
  const before = await times()
  await digest(root)
  assert.equal(await times(), before)
})

test('a kept bundle that was cut short, emptied, written over or in part removed is made again', async () => {
  const root = await project(numbers)
  for (const path of Object.keys(numbers)) await utimes(join(root, path), 1, 1)
  await new Promise(done => setTimeout(done, 120))
  const { module } = (await registry(root, './numbers.ts')).plugins.find(p => p.name === 'numbers')!
  const folder = dirname(fileURLToPath(module))
  const contents = async () => Promise.all((await readdir(folder)).sort().map(async name => [name, await readFile(join(folder, name), 'utf8')] as const))
  const whole = await contents()
  assert.ok(whole.length > 2)
  for (const [name, text] of whole.filter(([name]) => name.endsWith('.mjs'))) {
    const file = join(folder, name)
    for (const damage of [() => truncate(file, 200), () => truncate(file, 0), () => writeFile(file, text.replace('2', '3')), () => rm(file)]) {
      await damage()
      await registry(root, './numbers.ts')
      assert.equal(await contents(), whole)
    }
  }
})

test('what an import means is asked again when a setting above it changes, or what would be found first appears', async () => {
  const paths = (to: string) => JSON.stringify({ compilerOptions: { baseUrl: '.', paths: { '@value': [to] } } })
  const root = await project({
    ...numbers,
    'numbers.run.ts': "import { a } from '@value'\nimport { b } from '#value'\nimport { c } from './parts/c'\nimport { d } from './parts'\nexport default () => [a, b, c, d]\n",
    'tsconfig.json': '{ /* As its base says. */ "extends": "./tsconfig.base.json" }', 'tsconfig.base.json': paths('./a1.ts'),
    'package.json': JSON.stringify({ name: 'p', version: '1.0.0', imports: { '#value': './b1.ts' } }),
    'a1.ts': 'export const a = 1\n', 'a2.ts': 'export const a = 2\n', 'b1.ts': 'export const b = 1\n', 'b2.ts': 'export const b = 2\n',
    'parts/c.js': 'export const c = 1\n', 'parts/index.ts': 'export const d = 1\n',
  })
  const given = async () => {
    const stage = (await registry(root, './numbers.ts')).stage('ingest/numbers')!
    return { values: ((await stage.definition.run()).default as unknown as () => number[])(), digest: await stage.codeDigest() }
  }
  const changes: Record<string, string>[] = [
    { 'tsconfig.base.json': paths('./a2.ts') },
    { 'package.json': JSON.stringify({ name: 'p', version: '1.0.0', imports: { '#value': './b2.ts' } }) },
    { 'parts/c.ts': 'export const c = 2\n' },
    { 'parts.ts': 'export const d = 2\n' },
    { 'tsconfig.json': paths('./a1.ts') },
  ]
  const seen = [[1, 1, 1, 1], [2, 1, 1, 1], [2, 2, 1, 1], [2, 2, 2, 1], [2, 2, 2, 2], [1, 2, 2, 2]]
  const digests = new Set<string | undefined>()
  for (const [i, files] of [{}, ...changes].entries()) {
    await new Promise(done => setTimeout(done, 60))
    await write(root, files)
    await new Promise(done => setTimeout(done, 60))
    // Once it is computed, once it is remembered.
    for (const _ of [1, 2]) {
      const { values, digest } = await given()
      assert.equal(values, seen[i], Object.keys(files).join())
      digests.add(digest)
    }
  }
  assert.is(digests.size, seen.length)
})

test('what is saved while a plugin is loaded has the digest of neither text', async () => {
  const root = await project({ ...numbers, 'numbers.ts': `await new Promise(done => setTimeout(done, 500))\n${pluginSource()}` })
  const loading = registry(root, './numbers.ts')
  const isBundled = () => existsSync(join(root, '.hone/plugins/known')) && readdirSync(join(root, '.hone/plugins/known')).some(name => /^bundle-[^.]*\.json$/.test(name))
  for (let tries = 0; !isBundled() && tries < 1000; tries++) await new Promise(done => setTimeout(done, 10))
  await write(root, { 'arithmetic.ts': arithmetic.replace('x * 2', 'x * 3') })
  const stage = (await loading).stage('ingest/numbers')!
  assert.is(await stage.codeDigest(), undefined)
  assert.match(stage.codeFault!() ?? '', /written to while it was loaded/)
  const after = await digest(root)
  await rm(join(root, '.hone'), { recursive: true })
  assert.is(await digest(root), after)
  assert.ok(after)
})

test('what is remembered of a plugin and was torn is computed anew', async () => {
  const root = await project(numbers)
  const before = await digest(root)
  const known = join(root, '.hone/plugins/known')
  for (const name of await readdir(known)) await truncate(join(known, name), 100)
  assert.is(await digest(root), before)
  for (const name of await readdir(known)) assert.type(JSON.parse(await readFile(join(known, name), 'utf8')).salt, 'string')
})

test('mistakes of a plugin are diagnostics at the line that names it', async () => {
  const root = await project({
    ...numbers,
    'syntax.ts': 'import { definePlugin } from "hone-engine"\nexport default definePlugin({ name: "x", api: 1,, })\n',
    'throws.ts': 'const settings: any = undefined\n\nexport const x = settings.value\n',
    'exits.ts': 'process.exit(3)\n',
    'floats.ts': 'const asked: Promise<unknown> = Promise.resolve()\nasked.then(() => { throw new Error("the service does not answer") })\nexport default {}\n',
    'waits.ts': 'await new Promise(() => {})\nexport default {}\n',
    'api.ts': 'export default { name: "new", api: 2 }\n',
    'nothing.ts': 'export const a = 1\n',
    'import.ts': 'import x from "not-there"\nexport default x\n',
    'schema.ts': pluginSource().replace("type: 'integer'", "type: 'whole'").replace('ingest/numbers', 'ingest/other'),
    'default.ts': pluginSource().replace("type: 'integer'", "type: 'integer', minimum: 1, default: 0").replace('ingest/numbers', 'ingest/other'),
    'same.ts': pluginSource().replace("name: 'numbers'", "name: 'twin'"),
  })
  const said = async (...names: string[]) => (await problems(root, ...names)).map(d => `${d.range?.line} ${d.code}: ${d.message}`)
  assert.equal(await said('./absent.ts'), ['2 plugin-not-found: there is no plugin file ./absent.ts'])
  assert.equal(await said('@acme/absent'), ['2 plugin-not-found: the package @acme/absent is not installed'])
  assert.equal(await said('./syntax.ts'), ['2 plugin-syntax: syntax.ts:2:49 Expected identifier but found ","'])
  assert.match((await said('./throws.ts'))[0]!, /^2 plugin-load: throws\.ts:3:\d+ Cannot read properties of undefined/)
  assert.equal((await said('./exits.ts')).map(t => t.replace(/\d+:\d+/, 'L:C')), ['2 plugin-load: exits.ts:L:C calls process.exit(3) while it is loaded'])
  assert.match((await said('./floats.ts'))[0]!, /^2 plugin-load: floats\.ts:2:\d+ the service does not answer$/)
  const startedAt = performance.now()
  assert.equal(await said('./waits.ts'), ['2 plugin-load: waits.ts is not loaded after 2 seconds: a top-level await waits for ever'])
  assert.ok(performance.now() - startedAt < 3900, 'it is waited for once')
  assert.equal(await said('./api.ts'), ['2 plugin-api: api.ts is written for plugin API 2; this is API 1'])
  assert.equal(await said('./nothing.ts'), ['2 plugin-fault: nothing.ts has no plugin as its default export'])
  assert.match((await said('./import.ts'))[0]!, /^2 plugin-syntax: import\.ts:1:15 Could not resolve "not-there"/)
  assert.match((await said('./schema.ts'))[0]!, /^2 plugin-schema: schema\.ts: the schema of ingest\/other's parameters is refused: /)
  assert.equal(await said('./default.ts'), ['2 plugin-fault: default.ts: stage ingest/other: the default of "n", 0, is refused by its own schema: must be >= 1'])
  assert.equal(await said('./numbers.ts', './same.ts'), ['3 plugin-conflict: the stage ingest/numbers of twin is also defined by numbers'])
})

test('mistakes of a definition are told with what was expected, and at the place of what cannot be imported', async () => {
  const stage = (from: string, to: string) => pluginSource().replace(from, to)
  const command = (name: string, properties: string) => `export default { name: 'commands', api: 1, commands: [{ name: '${name}', summary: '', params: { schema: { type: 'object', properties: ${properties} } }, run: () => {} }] }\n`
  const root = await project({
    ...numbers,
    'undefined.ts': 'throw undefined\n',
    'no-api.ts': 'export default { name: "new" }\n',
    'export.ts': "import {\n  definePlugin,\n  defineNothing as nothing,\n} from 'hone-engine'\nexport default definePlugin(nothing)\n",
    'bare.ts': stage("params: params({ type: 'object', properties: { n: { type: 'integer' } }, additionalProperties: false })", "params: { type: 'object' } as never"),
    'key.ts': stage("summary: 'Numbers.'", "summary: 'Numbers.', lihgt: true, resumable: 'yes'"),
    'enum.ts': stage("type: 'integer'", "type: 'whole'"),
    'one.ts': stage("type: 'integer'", "enum: [1, 2], default: 3"),
    'options.ts': command('count', '{ json: {}, help: {}, max_words: {}, "max-words": {} }'),
    'run.ts': command('run', '{}'),
    'kind.ts': "export default { name: 'kind', api: 1, kinds: [{ id: 'rows', summary: 'Mine.', form: 'file', extension: 'jsonl', rows: {}, check: async () => [] }] }\n",
    'same-kind.ts': "export default { name: 'kind', api: 1, kinds: [{ id: 'rows', summary: 'Rows.', form: 'file', extension: 'jsonl', rows: {} }] }\n",
  })
  const said = async (...names: string[]) => (await problems(root, ...names)).map(d => `${d.range?.line} ${d.code}: ${d.message}${d.hint ? ` | ${d.hint}` : ''}`)
  assert.equal(await said('./undefined.ts'), ['2 plugin-load: undefined.ts throws undefined while it is loaded'])
  assert.equal(await said('./no-api.ts'), ['2 plugin-api: no-api.ts does not say for which API it is written | Write api: 1 beside its name.'])
  assert.equal(await said('./export.ts'), ['2 plugin-load: export.ts:3:3 "hone-engine" has no export "defineNothing"'])
  assert.equal(await said('./bare.ts'), ["2 plugin-schema: bare.ts: the schema of ingest/numbers's parameters is refused: it must be a JSON Schema with type: object | Write it as params: params({ type: 'object', … }), with `params` of hone-engine."])
  assert.equal(await said('./key.ts'), ['2 plugin-fault: key.ts: stage ingest/numbers: "lihgt" is no key of a stage | Did you mean "light"?', '2 plugin-fault: key.ts: stage ingest/numbers: "resumable" must be true or false; got "yes"'])
  assert.equal(await said('./enum.ts'), ['2 plugin-schema: enum.ts: the schema of ingest/numbers\'s parameters is refused: properties.n.type must be "array", "boolean", "integer", "null", "number", "object" or "string"; got "whole"'])
  assert.equal(await said('./one.ts'), ['2 plugin-fault: one.ts: stage ingest/numbers: the default of "n", 3, is refused by its own schema: must be 1 or 2 | Give it a default that its schema takes, or none.'])
  const reserved = (option: string) => `2 plugin-fault: options.ts: the command count has an option "${option}", which is one of every command | Give it another name than json and help.`
  assert.equal(await said('./options.ts'), [reserved('json'), reserved('help'), '2 plugin-fault: options.ts: the command count has two options --max-words'])
  assert.equal(await said('./numbers.ts', join(root, 'numbers.ts')), [`3 plugin-conflict: "${join(root, 'numbers.ts')}" names the same plugin as "./numbers.ts" in line 2 | Leave one of them out.`])
  assert.equal(await said('./kind.ts'), ['2 plugin-conflict: the kind rows of kind is another than that of hone-test-kinds | Import it from hone-test-kinds, or give yours another id.'])
  assert.equal(await said('./same-kind.ts', './run.ts'), [])
})

test.run()
