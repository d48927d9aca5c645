// Makes every packages/*/src into dist with source maps and declarations (types are checked by tsc, not here), and digests the code of the built-in stages.
// What a command that finds nothing to do must load is bundled into three files, as finding 150 modules takes longer than planning. They are CommonJS,
// of which the command keeps what V8 compiled (packages/engine/src/plugin/load-compiled.ts); whoever imports a package gets the same instance from index.js.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { spawnSync } from 'node:child_process'
import { build } from 'esbuild'
import { startTypes } from './types.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const shared = { format: 'esm', platform: 'node', target: 'node20', sourcemap: true, charset: 'utf8', logLevel: 'warning', absWorkingDir: root }
// Bundled CommonJS packages ask for the modules of Node by this name.
const banner = { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" }
const bundled = { ...shared, bundle: true, metafile: true, banner }
// In ASCII, so that a file need not be decoded to be compiled.
const common = {
  ...shared, format: 'cjs', charset: 'ascii', bundle: true, metafile: true,
  define: { 'import.meta.url': '__moduleUrl', 'import.meta.resolve': '__moduleResolve' },
  banner: {
    js: "const __compiled = require('hone-engine/load-compiled'), __load = __compiled.importsOf(__filename), __moduleUrl = require('node:url').pathToFileURL(__filename).href, __moduleResolve = name => require('node:url').pathToFileURL(require.resolve(name).replace(/\\.cjs$/, '.js')).href;",
  },
}

/**
 * Bundles into one CommonJS file, in which `import()` is `__load()`, a name as long, so that the source map stays true: what V8 takes from compiled
 * code cannot import. No text in the sources that a built program uses has it.
 */
async function bundleCommon(options) {
  const { outputFiles, metafile } = await build({ ...common, ...options, write: false })
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, path.endsWith('.map') ? text : text.replace(/\bimport\(/g, '__load('))
  }
  return { metafile }
}

/** What whoever imports a package gets: the names of what `require` gives of `file`, of the same instance. `from` leads from one to the other. */
function writeImportable(file, from, exported) {
  const names = Object.keys(exported).filter(name => name !== '__esModule').sort()
  writeFileSync(file, `import { createRequire } from 'node:module'\nexport const { ${names.join(', ')} } = ${from}\n`)
}
const beside = (file, more = '') => `createRequire(import.meta.url)('${file}')${more}`

function* filesBelow(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path)
    else yield path
  }
}

/** A file of its own for each module; what is no code is copied. */
async function transpile(name) {
  const [src, dist] = ['src', 'dist'].map(folder => join(root, 'packages', name, folder))
  const files = [...filesBelow(src)]
  await build({ ...shared, entryPoints: files.filter(f => f.endsWith('.ts') && !f.endsWith('.d.ts')), outdir: dist, outbase: src })
  for (const file of files.filter(f => !/\.([cm]?ts|wat)$/.test(f))) {
    const to = join(dist, relative(src, file))
    mkdirSync(dirname(to), { recursive: true })
    cpSync(file, to)
  }
}

/** The licences of the packages that went into a bundle must go with it. */
function writeLicences(dist, ...metafiles) {
  const texts = new Map()
  for (const input of metafiles.flatMap(m => Object.keys(m.inputs))) {
    const at = input.lastIndexOf('node_modules/')
    if (at < 0) continue
    const name = input.slice(at + 'node_modules/'.length).split('/', input.startsWith('@', at + 'node_modules/'.length) ? 2 : 1).join('/')
    const dir = join(root, input.slice(0, at), 'node_modules', name)
    const { version, license } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
    const file = readdirSync(dir).find(f => /^licen[cs]e/i.test(f))
    texts.set(`${name} ${version} (${license})`, file ? readFileSync(join(dir, file), 'utf8').trim() : '')
  }
  writeFileSync(join(dist, 'bundled-licences.txt'), [...texts].sort().map(([title, text]) => `${title}\n\n${text}\n`).join(`\n${'-'.repeat(80)}\n\n`))
}

/** `dist/bundle` is as deep as the folders of src, so that what is found beside a module is found from there too. */
async function bundleEngine() {
  const [src, dist] = ['src', 'dist'].map(folder => join(root, 'packages/engine', folder))
  // Each is one file beside, loaded when it is asked for and kept compiled too.
  const files = {
    'ajv.cjs': `module.exports = { Ajv2020: require('ajv/dist/2020.js').Ajv2020, default: require('ajv/dist/standalone/index.js').default }`,
    'yaml.cjs': `module.exports = require('yaml')`,
  }
  const asked = (name, by) => [`createRequire(import.meta.url)('${name}')`, by]
  const fromBeside = file => `__compiled.loadCompiled(__dirname + '/${file}')`
  const { version } = JSON.parse(readFileSync(join(root, 'packages/engine/node_modules/ajv/package.json'), 'utf8'))
  /** Who asks for a package, as what, and what stands there in a build. */
  const changes = {
    'plugin/json-schema.ts': [
      asked('ajv/dist/2020.js', fromBeside('ajv.cjs')),
      asked('ajv/dist/standalone/index.js', fromBeside('ajv.cjs')),
      asked('ajv/package.json', JSON.stringify({ version })),
      ...['ucs2length', 'equal'].map(name => asked(`ajv/dist/runtime/${name}.js`, `require('ajv/dist/runtime/${name}.js')`)),
    ],
    'source/yaml.ts': [asked('yaml', fromBeside('yaml.cjs'))],
  }
  const packagesBeside = {
    name: 'packages-beside',
    setup: setup => {
      for (const [path, texts] of Object.entries(changes)) {
        let contents = readFileSync(join(src, path), 'utf8')
        for (const [text, by] of texts) {
          if (!contents.includes(text)) throw new Error(`${path} does not have ${text}, as the build expects`)
          contents = contents.replace(text, by)
        }
        setup.onLoad({ filter: new RegExp(`[\\\\/]${path.replace('/', '[\\\\/]')}$`) }, () => ({ contents, loader: 'ts' }))
      }
      // The same instance as the command's own.
      setup.onResolve({ filter: /\/load-compiled\.js$/ }, () => ({ path: 'hone-engine/load-compiled', external: true }))
    },
  }
  const [own, , ...theirs] = await Promise.all([
    // One bundle, so that each process has one instance of each module; all but the index is run only where it is asked for.
    bundleCommon({
      stdin: {
        contents: `export * as index from './index.js'
export const testing = () => import('./testing/index.js')
export const child = () => import('./execute/child-main.js')
export const worker = () => import('./execute/worker-main.js')`,
        resolveDir: src,
        sourcefile: 'src/entries.ts',
        loader: 'ts',
      },
      outfile: join(dist, 'bundle/engine.cjs'),
      external: ['acorn', 'acorn-walk', 'esbuild', 'inversify', 'reflect-metadata'],
      plugins: [packagesBeside],
    }),
    build({ ...common, banner: {}, define: {}, entryPoints: [join(src, 'plugin/load-compiled.ts')], outfile: join(dist, 'load-compiled.cjs') }),
    ...Object.entries(files).map(([file, contents]) => build({ ...common, banner: {}, define: {}, sourcemap: false, stdin: { contents, resolveDir: src }, outfile: join(dist, 'bundle', file) })),
  ])
  for (const name of ['child', 'worker']) writeFileSync(join(dist, `bundle/${name}-main.cjs`), `void require('hone-engine/load-compiled').loadStarted('${name}', require.resolve('./engine.cjs')).${name}()\n`)
  writeFileSync(join(dist, 'index.cjs'), "module.exports = require('./load-compiled.cjs').loadCompiled(require.resolve('./bundle/engine.cjs')).index\n")
  const engine = createRequire(import.meta.url)(join(dist, 'bundle/engine.cjs'))
  writeImportable(join(dist, 'index.js'), beside('./index.cjs'), engine.index)
  writeImportable(join(dist, 'testing.js'), `await ${beside('./bundle/engine.cjs', '.testing()')}`, await engine.testing())
  writeLicences(dist, own.metafile, ...theirs.map(t => t.metafile))
}

async function bundleCli() {
  const [src, dist] = ['src', 'dist'].map(folder => join(root, 'packages/cli', folder))
  // commander starts programs for subcommands that are files of their own; here there are none, and half of Node's network code is behind it.
  const later = {
    name: 'child-process-later',
    setup: setup => {
      setup.onResolve({ filter: /^node:child_process$/ }, ({ importer }) => (/[\\/]commander[\\/]/.test(importer) ? { path: 'child_process', namespace: 'later' } : undefined))
      setup.onLoad({ filter: /.*/, namespace: 'later' }, () => ({ contents: "exports.spawn = (...args) => require('child_process').spawn(...args)", loader: 'js' }))
    },
  }
  const { metafile } = await bundleCommon({ entryPoints: [join(src, 'main.ts')], outfile: join(dist, 'main.cjs'), external: ['hone-*'], plugins: [later] })
  writeLicences(dist, metafile)
}

/** What ajv makes of the schema of each built-in stage, so that no plan has to make it. */
async function compileSchemas() {
  const maker = join(root, 'packages/engine/dist/make-validators.mjs')
  const entry = `export { ParameterSchema } from './graph/parameters.js'; export { compiledFile } from './plugin/compiled-schema.js'`
  await build({ ...bundled, sourcemap: false, stdin: { contents: entry, resolveDir: join(root, 'packages/engine/src') }, outfile: maker, external: ['ajv/*'] })
  const require = createRequire(maker)
  const { default: standalone } = require('ajv/dist/standalone/index.js')
  const { ParameterSchema, compiledFile } = await import(pathToFileURL(maker))
  const dist = join(root, 'packages/plugins/dist')
  const { builtInPlugin } = await import(pathToFileURL(join(dist, 'index.js')))
  for (const stage of builtInPlugin.stages) {
    const contents = ParameterSchema.of(stage).compiled(standalone)
    await build({ ...shared, format: 'cjs', sourcemap: false, bundle: true, stdin: { contents, loader: 'js', resolveDir: dirname(maker) }, outfile: join(dist, compiledFile(stage.id)) })
  }
  rmSync(maker)
}

/** What a plan looks at of models in one file. */
async function bundleHeaders() {
  const [src, dist] = ['src', 'dist'].map(folder => join(root, 'packages/lm', folder))
  await build({ ...bundled, entryPoints: [join(src, 'headers.ts')], outfile: join(dist, 'headers.js'), allowOverwrite: true, external: ['@huggingface/*', '@tensorflow/*', 'onnxruntime-node', 'protobufjs'] })
}

/** The definitions of all built-in stages in one file; what a stage runs stays where it is and is imported when it runs. Answers all that is reached from outside. */
async function bundleDefinitions() {
  const dist = join(root, 'packages/plugins/dist')
  const entry = join(dist, 'index.js')
  const left = {
    name: 'left-outside',
    setup: setup => setup.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => (kind === 'dynamic-import' ? { path: `./${relative(dist, join(resolveDir, path)).split(sep).join('/')}`, external: true } : undefined)),
  }
  const { metafile } = await bundleCommon({ entryPoints: [entry], outfile: join(dist, 'definitions.cjs'), external: ['hone-*'], plugins: [left] })
  const ran = Object.values(metafile.outputs).flatMap(output => output.imports.filter(i => i.external && i.path.startsWith('.')).map(i => i.path))
  rmSync(`${entry}.map`)
  writeFileSync(join(dist, 'index.cjs'), "module.exports = require('hone-engine/load-compiled').loadCompiled(require.resolve('./definitions.cjs'))\n")
  writeImportable(entry, beside('./index.cjs'), createRequire(import.meta.url)(join(dist, 'index.cjs')))
  writeLicences(dist, metafile)
  return ['index.js', ...new Set(ran)]
}

/** Takes modules out of dist that nothing imports any more: those of types alone, and those that went into the bundle. */
async function removeUnreached(name, entries) {
  const dist = join(root, 'packages', name, 'dist')
  const { metafile } = await build({ ...bundled, splitting: true, sourcemap: false, write: false, outdir: dist, entryPoints: entries.map(entry => join(dist, entry)), packages: 'external' })
  const reached = new Set(Object.keys(metafile.inputs).map(path => join(root, path)))
  for (const file of filesBelow(dist)) if (/\.js(\.map)?$/.test(file) && !reached.has(file.replace(/\.map$/, ''))) rmSync(file)
}

const started = performance.now()
const finishTypes = startTypes(['engine', 'lm', 'plugins'])
for (const name of readdirSync(join(root, 'packages'))) {
  if (!existsSync(join(root, 'packages', name, 'src'))) continue
  rmSync(join(root, 'packages', name, 'dist'), { recursive: true, force: true })
  if (name === 'engine') await bundleEngine()
  else if (name === 'cli') await bundleCli()
  else await transpile(name)
}
const { status } = spawnSync(process.execPath, [join(root, 'scripts/digests.mjs')], { stdio: 'inherit', cwd: root })
if (status !== 0) process.exit(status ?? 1)
await removeUnreached('plugins', await bundleDefinitions())
await removeUnreached('lm', ['index.js'])
await bundleHeaders()
await compileSchemas()
await finishTypes()
console.log(`built in ${((performance.now() - started) / 1000).toFixed(1)} s`)
