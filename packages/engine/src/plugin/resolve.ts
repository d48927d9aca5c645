import { existsSync, realpathSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { ImportKind, Plugin } from 'esbuild'
import { readPackageJson } from './package-json.js'

const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'

/** True where the engine runs from its sources (tests), false where it was built. */
export const runsFromSource = extension === '.ts'

/** The running engine's own entry, so that every plugin shares this one instance. */
export const engineUrl = new URL(`../index${extension}`, import.meta.url).href

export interface PackageId {
  readonly name: string
  readonly version: string
  readonly dir: string
}

/** `@acme/notion/kinds` → `@acme/notion`; undefined for what is no package: a path, a built-in module, `#internal`. */
export function packageName(specifier: string): string | undefined {
  if (/^[./#]|^[a-z]+:/i.test(specifier) || isBuiltin(specifier)) return undefined
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

/** The package that a file belongs to: the nearest package.json above it that has a name and a version. */
export function packageOf(file: string): PackageId | undefined {
  for (let dir = dirname(file); ; dir = dirname(dir)) {
    if (existsSync(join(dir, 'package.json'))) {
      const { name, version } = readPackageJson<{ name?: string; version?: string }>(dir)
      if (name && version) return { name, version, dir }
    }
    if (dir === dirname(dir)) return undefined
  }
}

/**
 * Whether a file is of a package that a plugin only uses: of node_modules, unless that is the package which the plugin itself is of. `entry` is a file of the plugin.
 */
export function isForeign(entry: string): (path: string) => boolean {
  const own = inNodeModules(entry) ? `${packageOf(entry)?.dir ?? dirname(entry)}${sep}` : undefined
  return path => inNodeModules(own !== undefined && path.startsWith(own) ? path.slice(own.length - 1) : path)
}

export const inNodeModules = (path: string) => path.includes(`${sep}node_modules${sep}`)

/** Where a package that the engine or a built-in plugin uses lies, as a file URL; undefined where it is not installed. */
function resolveFrom(moduleUrl: string, specifier: string): string | undefined {
  try {
    return pathToFileURL(realpathSync(createRequire(moduleUrl).resolve(specifier))).href
  } catch {
    return undefined
  }
}

/** What a bare import of a plugin stands for, before esbuild looks for it in node_modules. */
export interface BuiltInModules {
  /** Package names of the built-in plugins → file URL of their entry. */
  readonly plugins: Readonly<Record<string, string>>
}

/**
 * Finds the packages of Hone itself by name, wherever the plugin lies: the project need not have them in its node_modules.
 */
export function honePackage(specifier: string, builtIn: BuiltInModules): string | undefined {
  if (specifier === 'hone-engine') return engineUrl
  if (Object.hasOwn(builtIn.plugins, specifier)) return builtIn.plugins[specifier]
  if (!/^hone-(engine|lm|plugins)(\/|$)/.test(specifier)) return undefined
  for (const url of Object.values(builtIn.plugins)) {
    const found = resolveFrom(url, specifier)
    if (found) return found
  }
  return undefined
}

/** How a bundle treats one package: bundled in, or left to be imported under `path`. */
export type PackageChoice = { readonly path: string; readonly external: boolean }

/**
 * An esbuild plugin that asks `choose` about each bare import, after esbuild has found it by the rules of Node.
 * `found` is the absolute path of the file.
 */
export function packages(
  builtIn: BuiltInModules,
  choose: (specifier: string, found: string, kind: ImportKind) => PackageChoice,
): Plugin {
  return {
    name: 'hone-packages',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
        if (kind === 'entry-point' || pluginData === 'resolving') return undefined
        if (isBuiltin(path)) return { path, external: true, sideEffects: false }
        if (packageName(path) === undefined && !path.startsWith('#')) return undefined
        const own = honePackage(path, builtIn)
        if (own) return choose(path, fileURLToPath(own), kind)
        const found = await build.resolve(path, { kind, importer, resolveDir, pluginData: 'resolving' })
        if (found.errors.length > 0 || found.external) return found
        return choose(path, found.path, kind)
      })
    },
  }
}

/** How an external module is named in a bundle that will be run from another folder: by its absolute place. */
export const externalPath = (found: string, kind: ImportKind) =>
  kind === 'require-call' || kind === 'require-resolve' ? found : pathToFileURL(found).href
