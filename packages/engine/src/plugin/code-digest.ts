import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundledFiles, bundleOptions, readFiles } from './bundle.js'
import { dependenciesOf } from './dependencies.js'
import { installedFrom } from './installed.js'
import { edited, foldersAt, loaderOf, scripts, unfollowedBy, unfollowedIn } from './unfollowed.js'
import { honePackage, isForeign, packageOf, packages, type BuiltInModules, type PackageId } from './resolve.js'

/** What a stage's code comes to, and the files that it rests on (sources, declared assets, package.json of packages). */
export interface CodeDigest {
  /** Undefined when part of the code cannot be known beforehand; then nothing of the stage is cached. */
  readonly digest: string | undefined
  readonly why?: string
  readonly inputs: readonly string[]
}

/** Raised when a digest covers more: what was remembered of files by earlier rules is computed anew. */
export const digestRules = 4

/**
 * SHA-256 of the minified bundle of `entry`, with the versions of the npm packages that it reaches, of what those depend on, the integrity of the archives
 * that npm took them from, and its assets: of a script, which a thread may run, the digest in the same way, of others the contents. Packages outside node_modules (a workspace's own) are part of the bundle. `strict` gives up, with
 * the reason, on code that is only known when it runs; the built-in stages are held to that, and to what their packages depend on, by their version.
 */
export async function digestCode(entry: string, builtIn: BuiltInModules, strict: boolean, within: readonly string[] = []): Promise<CodeDigest> {
  const { build } = await import('esbuild')
  const root = dirname(entry)
  const builtInFiles = new Set(Object.values(builtIn.plugins).map(url => fileURLToPath(url)))
  const found = new Map<string, string>()
  const assets = new Map<string, string[]>()
  const unknown = new Map<string, string>()
  const folders = new Set<string>()
  const foreign = isForeign(entry)
  const { outputFiles, metafile } = await build({
    ...bundleOptions(entry, root),
    minifyWhitespace: true,
    minifySyntax: true,
    // Not its names: esbuild hands out short ones by how often letters stand in whole files, so that a function which is not reached would change them.
    minifyIdentifiers: false,
    treeShaking: true,
    outfile: 'hashed.mjs',
    plugins: [
      {
        name: 'hone-assets',
        setup: setup => setup.onLoad({ filter: scripts }, async ({ path }) => {
          if (foreign(path)) return undefined
          const text = await readFile(path, 'utf8')
          const found = await unfollowedBy(path, text)
          assets.set(path, found.assets.map(asset => resolve(dirname(path), asset)))
          for (const folder of found.folders) for (const at of foldersAt(path, folder)) folders.add(at)
          if (found.unknown !== undefined) unknown.set(path, found.unknown)
          return strict && found.edits.length > 0 ? { contents: edited(found.code, found.edits), loader: 'js' } : { contents: text, loader: loaderOf(path) }
        }),
      },
      packages(builtIn, (specifier, path) => {
        if (specifier === 'hone-engine') return { path: specifier, external: true }
        if (!builtInFiles.has(path) && !foreign(path)) return { path, external: false }
        found.set(specifier, path)
        return { path: specifier, external: true }
      }),
    ],
  })
  const code = outputFiles[0]!.text
  const inputs = new Set([...readFiles(metafile, root), ...folders])
  const reached = bundledFiles(metafile, root)
  const hash = createHash('sha256').update(`hone code 1\0${Buffer.byteLength(code)}\0${code}`)
  const imported = new Set(Object.values(metafile.outputs).flatMap(o => o.imports.filter(i => i.external).map(i => i.path)))
  const isHone = (specifier: string) => honePackage(specifier, builtIn) !== undefined
  const beneath = new Map<string, string>()
  /** What npm noted of a package's archive, to be hashed; empty where it noted nothing. */
  const archive = (pack: PackageId): string => {
    const from = installedFrom(pack)
    if (from === undefined) return ''
    inputs.add(from.file)
    return `${from.integrity}\0`
  }
  for (const specifier of [...found.keys()].filter(s => imported.has(s)).sort()) {
    const pack = packageOf(found.get(specifier)!)
    if (!pack) return { digest: undefined, why: `the version of "${specifier}" is not known`, inputs: [...inputs] }
    const isByVersion = !strict || isHone(specifier)
    hash.update(`package\0${specifier}\0${pack.name}\0${pack.version}\0${isByVersion ? '' : archive(pack)}`)
    inputs.add(resolve(pack.dir, 'package.json'))
    if (isByVersion) continue
    for (const below of dependenciesOf(pack, isHone)) beneath.set(`${below.name}\0${below.version}\0${archive(below)}`, resolve(below.dir, 'package.json'))
  }
  // An install may bring another version of these and leave the package that is imported as it was.
  for (const [named, manifest] of [...beneath].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`beneath\0${named}`)
    inputs.add(manifest)
  }
  for (const source of reached) {
    for (const asset of assets.get(source) ?? []) {
      const bytes = await readFile(asset).catch(() => undefined)
      if (bytes === undefined) return { digest: undefined, why: `it names ${asset}, which is not a file`, inputs: [...inputs] }
      inputs.add(asset)
      const script = strict && scripts.test(asset) && !within.includes(asset) ? await digestCode(asset, builtIn, strict, [...within, entry, asset]).catch(() => undefined) : undefined
      for (const input of script?.inputs ?? []) inputs.add(input)
      if (script && script.digest === undefined) return { digest: undefined, why: script.why ?? '', inputs: [...inputs] }
      if (script?.digest !== undefined) hash.update(`script\0${script.digest}`)
      else hash.update(`asset\0${bytes.length}\0`).update(bytes)
    }
  }
  // Of a file only what is reached counts.
  const { unknown: left } = strict ? await unfollowedIn(code) : { unknown: undefined }
  if (left !== undefined) {
    const source = reached.find(file => unknown.has(file))
    return { digest: undefined, why: source === undefined ? `it ${left}` : `${source} ${unknown.get(source)}`, inputs: [...inputs] }
  }
  return { digest: hash.digest('hex'), inputs: [...inputs].sort() }
}

/**
 * The file that holds a stage's function: what `() => import('./notion.run.js')` names, looked up among the chunks of the bundle;
 * undefined when `run` does more than that, and then the whole plugin counts.
 */
export function runEntry(run: () => unknown, dynamicEntries: Readonly<Record<string, string>>): string | undefined {
  const text = run.toString().trim()
  const match = /^(?:async\s*)?(?:\(\s*\)|\w+)\s*=>\s*(?:await\s+)?import\(\s*["'`]\.\/([^"'`]+)["'`]\s*\)$/.exec(text)
  return match ? dynamicEntries[match[1]!] : undefined
}
