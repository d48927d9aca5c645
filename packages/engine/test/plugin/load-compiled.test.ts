import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('compiled bundles')
const folder = mkdtempSync(join(tmpdir(), 'hone-compiled-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const source = fileURLToPath(new URL('../../src/plugin/load-compiled.ts', import.meta.url))
// Node 22 and later keep compiled code themselves.
const isOurs = !('enableCompileCache' in module)

const bundle = join(folder, 'bundle.cjs')
const write = (answer: string): void =>
  writeFileSync(bundle, `const __load = require(${JSON.stringify(source)}).importsOf(__filename)
exports.answer = () => '${answer}'
exports.beside = async () => (await __load('./beside.mjs')).default
exports.fails = () => { throw new Error('on line 4') }
`)
writeFileSync(join(folder, 'beside.mjs'), "export default 'imported'\n")
writeFileSync(
  join(folder, 'main.mjs'),
  `import * as loader from ${JSON.stringify(pathToFileURL(source).href)}
import { createRequire } from 'node:module'
loader.keepFor(process.argv[2])
const { answer, beside, fails } = loader.loadCompiled(${JSON.stringify(bundle)})
let line
try { fails() } catch (error) { line = /bundle\\.cjs:(\\d+)/.exec(error.stack)[1] }
const again = createRequire(import.meta.url)(${JSON.stringify(bundle)})
console.log(JSON.stringify({ answer: answer(), beside: await beside(), line, isOne: again.answer === answer }))
`,
)

/** Loads the bundle in a process of its own, and says what it got. */
function load(cache: string, { role = 'run', flags = [] as readonly string[] } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, '--import', tsx, join(folder, 'main.mjs'), role], { encoding: 'utf8', env: { ...process.env, HONE_CACHE: cache } })
  assert.is(status, 0, stderr)
  assert.is(stderr, '')
  return JSON.parse(stdout) as { answer: string; beside: string; line: string; isOne: boolean }
}

const files = (cache: string): string[] => readdirSync(join(cache, 'compiled')).map(name => join(cache, 'compiled', name))
const roles = (cache: string): string[] => files(cache).flatMap(file => (JSON.parse(readFileSync(file).toString('latin1', 0, 1024)) as { roles: string[] }).roles)
const sound = (answer: string) => ({ answer, beside: 'imported', line: '4', isOne: true })

let caches = 0
const fresh = (): string => join(folder, `cache-${caches++}`)

if (isOurs) {
  test('what V8 compiled is kept, used again, and added to by processes that do something else', () => {
    write('one')
    const cache = fresh()
    assert.equal(load(cache), sound('one'))
    assert.equal(roles(cache), ['run'])
    // It would begin anew, had V8 not taken what was kept.
    assert.equal(load(cache, { role: 'plan' }), sound('one'))
    assert.equal(roles(cache), ['run', 'plan'])
    for (let i = 0; i < 5; i++) load(cache)
    assert.equal(roles(cache), ['run', 'plan', 'run', 'run', 'run'])
    assert.is(files(cache).length, 1)
  })

  test('a process that is ended by force has kept what it had compiled when it asked, where it was told to', () => {
    write('one')
    const [cache, folder] = [fresh(), fresh()]
    const killed = join(dirname(bundle), 'killed.mjs')
    writeFileSync(
      killed,
      `import * as loader from ${JSON.stringify(pathToFileURL(source).href)}
loader.keepFor('child', process.argv[2])
loader.loadCompiled(${JSON.stringify(bundle)}).answer()
if (process.argv[3] === 'now') loader.keepNow()
process.kill(process.pid, 'SIGKILL')
`,
    )
    const run = (...args: string[]) => spawnSync(process.execPath, ['--import', tsx, killed, ...args], { env: { ...process.env, HONE_CACHE: cache } })
    assert.is(run(folder).signal, 'SIGKILL')
    assert.throws(() => readdirSync(folder), /ENOENT/)
    for (const roles of [['child'], ['child', 'child']]) {
      assert.is(run(folder, 'now').signal, 'SIGKILL')
      const [file, ...others] = readdirSync(folder)
      assert.equal(others, [])
      assert.equal((JSON.parse(readFileSync(join(folder, file!)).toString('latin1', 0, 1024)) as { roles: string[] }).roles, roles)
    }
    assert.throws(() => files(cache), /ENOENT/)
  })

  test('code that was kept of another source is not run, though it has as many characters', () => {
    write('one')
    const cache = fresh()
    load(cache)
    write('two')
    assert.equal(load(cache), sound('two'))
    assert.equal(load(cache), sound('two'))
    assert.is(files(cache).length, 1)
  })

  test('kept code that is damaged, cut off or empty is made anew', () => {
    write('one')
    const cache = fresh()
    load(cache)
    const [file] = files(cache) as [string]
    const whole = readFileSync(file)
    const flipped = Buffer.from(whole)
    flipped[2000]! ^= 0xff
    for (const bytes of [flipped, whole.subarray(0, 1500), whole.subarray(0, 10), Buffer.alloc(0), Buffer.alloc(whole.length)]) {
      writeFileSync(file, bytes)
      assert.equal(load(cache, { role: 'anew' }), sound('one'))
      assert.equal(roles(cache), ['anew'])
    }
  })

  test('V8 with other flags has a file of its own', () => {
    write('one')
    const cache = fresh()
    load(cache)
    assert.equal(load(cache, { flags: ['--no-flush-bytecode'] }), sound('one'))
    assert.is(files(cache).length, 2)
  })

  test('NODE_DISABLE_COMPILE_CACHE keeps nothing', () => {
    write('one')
    const cache = fresh()
    process.env['NODE_DISABLE_COMPILE_CACHE'] = '1'
    try {
      assert.equal(load(cache), sound('one'))
    } finally {
      delete process.env['NODE_DISABLE_COMPILE_CACHE']
    }
    assert.throws(() => files(cache), /ENOENT/)
  })
}

test('where nothing can be kept the bundle is loaded all the same', () => {
  write('one')
  const cache = fresh()
  copyFileSync(bundle, cache)
  assert.equal(load(cache), sound('one'))
  const blocked = fresh()
  mkdirSync(join(blocked, 'compiled'), { recursive: true })
  load(blocked)
  // What is kept cannot take the place of a folder, and leaves nothing beside it.
  for (const file of files(blocked)) {
    rmSync(file)
    mkdirSync(join(file, 'in'), { recursive: true })
  }
  assert.equal(load(blocked), sound('one'))
  assert.is(files(blocked).length, isOurs ? 1 : 0)
})

test.run()
