import { createHash, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BuildOptions, Metafile, Plugin } from 'esbuild'
import { areUnchanged, stampsOf } from './remember-by-files.js'
import { foldersAt, loaderOf, scripts, unfollowedBy } from './unfollowed.js'
import { externalPath, honePackage, isForeign, packages, runsFromSource, type BuiltInModules } from './resolve.js'

/** Raised when what is remembered of a bundle is of another form. */
export const bundleForm = 2

/** A plugin's file made into modules that Node can import from the cache folder. */
export interface PluginBundle {
  /** Absolute path of the entry to import. */
  readonly entry: string
  /** Absolute paths of all files that were read for it, of folders of which all that fits was, and of what was found for the packages that it imports. */
  readonly inputs: readonly string[]
  /** File name of a chunk → absolute path of the source that a dynamic import named. */
  readonly dynamicEntries: Readonly<Record<string, string>>
  /** The stamps of the bundle's files when they were whole, by absolute path. */
  readonly files: Readonly<Record<string, string>>
}

/** Whether the files of a bundle are those that were written: a crash may have cut them short, and nothing else reads their content before Node does. */
export const isWhole = ({ files }: PluginBundle): boolean => areUnchanged(files)

const requireBanner = "import { createRequire as __honeRequire } from 'node:module'; const require = __honeRequire(import.meta.url);"

/** Options that the bundle to run and the bundle to hash share. Nothing of the machine may show in the result. */
export function bundleOptions(entry: string, root: string): BuildOptions & { metafile: true; write: false } {
  return {
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
    conditions: runsFromSource ? ['hone-source'] : [],
    metafile: true,
    write: false,
  }
}

/**
 * Bundles a plugin into `cacheDir/<digest>/`, where the digest is that of the bundle: what is there already with the same bytes is used as it is.
 * Packages stay outside and are imported by their absolute place; hone's own are the running ones. Throws esbuild's BuildFailure.
 */
export async function bundlePlugin(file: string, cacheDir: string, builtIn: BuiltInModules): Promise<PluginBundle> {
  const { build } = await import('esbuild')
  const root = dirname(file)
  const outside = new Set<string>()
  const foreign = isForeign(file)
  const result = await build({
    ...bundleOptions(file, root),
    splitting: true,
    // A folder as deep as the real one, whose name is not known yet: the source maps name the sources relative to it.
    outdir: join(cacheDir, 'bundle'),
    outExtension: { '.js': '.mjs' },
    entryNames: 'plugin',
    chunkNames: '[name]-[hash]',
    sourcemap: 'inline',
    sourcesContent: true,
    banner: { js: requireBanner },
    plugins: [
      {
        name: 'hone-import-meta',
        setup: setup => setup.onLoad({ filter: scripts }, async ({ path }) => {
          if (foreign(path)) return undefined
          const text = await readFile(path, 'utf8')
          for (const folder of (await unfollowedBy(path, text)).folders) for (const at of foldersAt(path, folder)) outside.add(at)
          return ownUrl(path, text)
        }),
      },
      required(builtIn),
      packages(builtIn, (_, found, kind) => {
        if (!foreign(found) && !isHone(found, builtIn)) return { path: found, external: false }
        outside.add(found)
        return { path: externalPath(found, kind), external: true }
      }),
    ],
  })
  const outputs = result.outputFiles.map(f => ({ name: basename(f.path), contents: f.contents })).sort((a, b) => (a.name < b.name ? -1 : 1))
  const hash = createHash('sha256')
  for (const { name, contents } of outputs) hash.update(`${name}\0${contents.length}\0`).update(contents)
  const dir = join(cacheDir, hash.digest('hex').slice(0, 32))
  const isThere = existsSync(dir)
  if (!isThere || !outputs.every(({ name, contents }) => holds(join(dir, name), contents))) await place(dir, outputs, isThere)
  return {
    entry: join(dir, 'plugin.mjs'),
    inputs: [...readFiles(result.metafile, root), ...outside].sort(),
    dynamicEntries: dynamicEntries(result.metafile, root),
    files: stampsOf(outputs.map(({ name }) => join(dir, name))),
  }
}

const isHone = (found: string, builtIn: BuiltInModules) => {
  const url = pathToFileURL(found).href
  return Object.values(builtIn.plugins).includes(url) || /[\\/](?:packages[\\/]|hone-)(?:engine|lm|plugins)[\\/](?:src|dist)[\\/]/.test(found)
}

/** What CommonJS requires of hone, which is ESM, is imported before: Node has required ESM only since 20.19. */
const required = (builtIn: BuiltInModules): Plugin => ({
  name: 'hone-required',
  setup(build) {
    build.onResolve({ filter: /^hone-/ }, ({ path, kind }) => {
      const found = kind === 'require-call' ? honePackage(path, builtIn) : undefined
      return found === undefined ? undefined : { path, namespace: 'hone-required', pluginData: found }
    })
    build.onLoad({ filter: /./, namespace: 'hone-required' }, ({ pluginData }) => ({ contents: `export * from ${JSON.stringify(pluginData)}` }))
    build.onResolve({ filter: /./, namespace: 'hone-required' }, ({ path }) => ({ path, external: true }))
  },
})

/** Keeps `import.meta.url` the address of the source, so that a file beside the plugin is found from the cache folder too. */
const ownUrl = (path: string, text: string) =>
  text.includes('import.meta.url') ? { contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)), loader: loaderOf(path) } : undefined

function holds(file: string, contents: Uint8Array): boolean {
  try {
    return readFileSync(file).equals(contents)
  } catch {
    return false
  }
}

async function place(dir: string, files: readonly { name: string; contents: Uint8Array }[], isDamaged: boolean) {
  const fresh = `${dir}.${randomUUID()}`
  await mkdir(fresh, { recursive: true })
  for (const { name, contents } of files) await writeFile(join(fresh, name), contents)
  if (isDamaged) await rm(dir, { recursive: true, force: true })
  try {
    await rename(fresh, dir)
  } catch (error) {
    // Another process was first; its files are the same, for the folder's name is their digest.
    await rm(fresh, { recursive: true, force: true })
    if (!existsSync(dir)) throw error
  }
}

/** All source files that the bundler read, absolute: also those that only pass another's exports on. */
export const readFiles = (metafile: Metafile, root: string): string[] =>
  Object.keys(metafile.inputs).filter(i => !/^(<|hone-required:)/.test(i)).map(i => resolve(root, i))

/** The source files of which some byte is in the result, absolute and sorted. */
export function bundledFiles(metafile: Metafile, root: string): string[] {
  const files = new Set<string>()
  for (const output of Object.values(metafile.outputs)) {
    for (const input of Object.keys(output.inputs)) if (!input.startsWith('<')) files.add(resolve(root, input))
  }
  return [...files].sort()
}

function dynamicEntries(metafile: Metafile, root: string): Record<string, string> {
  const entries: Record<string, string> = {}
  for (const [path, output] of Object.entries(metafile.outputs)) {
    if (output.entryPoint) entries[basename(path)] = resolve(root, output.entryPoint)
  }
  return entries
}
