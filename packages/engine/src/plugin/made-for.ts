import { fileURLToPath } from 'node:url'
import { readPackageJson } from './package-json.js'
import { engineUrl, packageOf, type BuiltInModules } from './resolve.js'

/** What a package.json says of the versions that its package was made for. */
interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
}

/**
 * Says which of hone's running packages is of another version than the package in `folder` was made for, if one is. A plugin always gets the
 * running ones, whatever lies in its own node_modules, so its ranges under `dependencies` count as those of peers do.
 */
export async function misfit(folder: string, builtIn: BuiltInModules): Promise<string | undefined> {
  const manifest = readPackageJson<Manifest>(folder)
  for (const [name, url] of Object.entries({ 'hone-engine': engineUrl, ...builtIn.plugins })) {
    const range = manifest.peerDependencies?.[name] ?? manifest.dependencies?.[name]
    if (range === undefined || /^[a-z]+:/.test(range) || !url.startsWith('file:')) continue
    const version = packageOf(fileURLToPath(url))?.version
    if (version === undefined || version === range) continue
    const { default: semver } = await import('semver')
    if (semver.validRange(range) === null || semver.satisfies(version, range, { includePrerelease: true })) continue
    return `${manifest.name} ${manifest.version} is for ${name} ${range}; this is ${name} ${version}`
  }
  return undefined
}
