// What each published package carries: what it needs, and nothing else.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from './sources.js'

interface Manifest {
  readonly name: string
  readonly license?: string
  readonly bin?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}
interface Packed {
  readonly name: string
  readonly version: string
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
  /** Where it was packed from, below the root. */
  readonly folder: string
}

const test = suite('packages')
const { packAll } = (await import(pathToFileURL(join(root, 'scripts/pack.mjs')).href)) as { packAll: (to: string) => Packed[] }
const folder = mkdtempSync(join(tmpdir(), 'hone-packed-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const packages = packAll(folder).map(packed => ({
  ...packed,
  paths: packed.files.map(f => f.path).sort(),
  published: JSON.parse(spawnSync('tar', ['-xzOf', packed.filename, 'package/package.json'], { encoding: 'utf8' }).stdout) as Manifest,
  text: (path: string) => readFileSync(join(root, packed.folder, path), 'utf8'),
}))
const withCode = packages.filter(p => p.name !== 'hone-tiny')

/** What an import names, without the path inside the package. */
const packageOf = (specifier: string) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')

test('all packages are there, each with its licence and a README', () => {
  assert.equal(packages.map(p => p.name).sort(), ['hone-cli', 'hone-engine', 'hone-lm', 'hone-plugins', 'hone-tiny'])
  for (const { name, paths, published } of packages) {
    for (const file of ['LICENSE', 'README.md', 'package.json']) assert.ok(paths.includes(file), `${name}: ${file}`)
    assert.ok(published.license, name)
  }
})

test('a package holds programs, their source maps and declarations, and what the programs read: no tests, no sources', () => {
  const known = /^(LICENSE|README\.md|package\.json|bin\/(hone\.js|package\.json)|dist\/.+\.(c?js|c?js\.map|d\.ts)|dist\/bundled-licences\.txt|template\/.+)$/
  const others: Record<string, readonly string[]> = {
    'hone-plugins': ['dist/digests.json'],
    'hone-tiny': ['chat_template.jinja', 'config.json', 'generation_config.json', 'hone.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'],
  }
  for (const { name, paths } of packages) assert.equal(paths.filter(p => !known.test(p) || /\btests?\//.test(p)), others[name] ?? [], name)
})

test('each program has a source map that holds its sources', () => {
  for (const { name, paths, text } of withCode) {
    // What the build writes itself only leads to others; packages beside and what ajv made have no sources here.
    const leads = /^(import \{ createRequire \} from 'node:module'\nexport const|module\.exports = require\(|void require\()/
    const programs = paths.filter(p => /^dist\/.+\.c?js$/.test(p) && !/^dist\/(bundle\/(ajv|yaml)|validators\/.+)\.cjs$/.test(p) && !leads.test(text(p)))
    assert.ok(programs.length > 5 || programs.some(p => p.endsWith('.cjs')), name)
    for (const program of programs) {
      assert.ok(text(program).trimEnd().endsWith(`//# sourceMappingURL=${posix.basename(program)}.map`), `${name}: ${program}`)
      const map = JSON.parse(text(`${program}.map`)) as { sources: string[]; sourcesContent?: (string | null)[] }
      assert.ok(map.sources.every((_, i) => typeof map.sourcesContent?.[i] === 'string'), `${name}: ${program}.map`)
    }
  }
})

test('what a manifest names is in the package, and nothing that only the workspace has', () => {
  for (const { name, paths, published } of packages) {
    const targets = Object.values(published.exports ?? {}).flatMap(target => (typeof target === 'string' ? [target] : Object.values(target)))
    for (const target of [...targets, ...Object.values(published.bin ?? {})]) assert.ok(paths.includes(target.replace(/^\.\//, '')), `${name}: ${target}`)
    assert.not.match(JSON.stringify(published), /workspace:|hone-source|devDependencies/, name)
    for (const target of Object.values(published.exports ?? {})) if (typeof target !== 'string') assert.equal(Object.keys(target).filter(condition => condition !== 'require'), ['types', 'default'], `${name}: types come first`)
  }
  assert.equal(Object.keys(packages.find(p => p.name === 'hone-engine')!.published.exports!), ['.', './testing', './load-compiled', './package.json'])
})

test('a package depends on what its programs import, and on nothing else', async () => {
  // Found by its name alone: the model that `hone init` copies.
  const resolved: Record<string, readonly string[]> = { 'hone-cli': ['hone-tiny'] }
  for (const { name, folder, paths, published, text } of withCode) {
    const { metafile } = await build({
      entryPoints: paths.filter(p => /^(bin|dist)\/.+\.c?js$/.test(p)), absWorkingDir: join(root, folder), outdir: 'not-written', entryNames: '[dir]/[name]-[hash]',
      bundle: true, write: false, metafile: true, packages: 'external', platform: 'node', format: 'esm', logLevel: 'silent',
    })
    const imported = Object.values(metafile.inputs).flatMap(i => i.imports).filter(i => i.external && !i.path.startsWith('<') && !isBuiltin(i.path)).map(i => packageOf(i.path))
    // In the bundles of CommonJS `import()` has another name.
    const loaded = paths.filter(p => p.endsWith('.cjs')).flatMap(p => [...text(p).matchAll(/\b__load\("([^".][^"]*)"\)/g)].flatMap(([, path]) => (isBuiltin(path!) ? [] : [packageOf(path!)])))
    assert.equal([...new Set([...imported, ...loaded, ...(resolved[name] ?? [])])].filter(other => other !== name).sort(), Object.keys(published.dependencies ?? {}).sort(), name)
  }
})

test('declarations lead to one another, and to packages that are installed along', () => {
  for (const { name, paths, published, text } of withCode) {
    const declarations = paths.filter(p => p.endsWith('.d.ts'))
    assert.ok(declarations.length > 5 || name === 'hone-cli', name)
    for (const file of declarations) {
      for (const [, from, lazily, bare] of text(file).matchAll(/\bfrom '([^']+)'|\bimport\("([^"]+)"\)|^import '([^']+)'/gm)) {
        const specifier = (from ?? lazily ?? bare)!
        if (specifier.startsWith('.')) assert.ok(paths.includes(posix.join(dirname(file), specifier).replace(/\.js$/, '.d.ts')), `${name}: ${file} names ${specifier}`)
        else assert.ok(isBuiltin(specifier) || packageOf(specifier) in published.dependencies!, `${name}: ${file} names ${specifier}`)
      }
    }
  }
})

test('a package stays small', () => {
  const mostKiB: Record<string, number> = { 'hone-cli': 300, 'hone-engine': 900, 'hone-lm': 400, 'hone-plugins': 400, 'hone-tiny': 6400 }
  for (const { name, size } of packages) assert.ok(size / 1024 < mostKiB[name]!, `${name}: ${(size / 1024).toFixed(0)} KiB`)
})

test.run()
