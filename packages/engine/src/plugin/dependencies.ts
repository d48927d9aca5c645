import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readPackageJson } from './package-json.js'
import type { PackageId } from './resolve.js'

/** Everything installed that a package depends on, and so on, without the package itself. Packages whose name `isLeft` are passed over, with what only they depend on. */
export function dependenciesOf(pack: PackageId, isLeft: (name: string) => boolean): readonly PackageId[] {
  const seen = new Map<string, PackageId>()
  const visit = (dir: string) => {
    const { dependencies, optionalDependencies, peerDependencies } = manifest(dir)
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const found = isLeft(name) ? undefined : packageFrom(dir, name)
      if (found === undefined || found === pack.dir || seen.has(found)) continue
      seen.set(found, { name, version: manifest(found).version ?? '', dir: found })
      visit(found)
    }
  }
  visit(pack.dir)
  return [...seen.values()]
}

interface Manifest {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const manifest = (dir: string) => readPackageJson<Manifest>(dir)

/** The folder of the package that code in `dir` imports by `name`; undefined where it is not installed. */
function packageFrom(dir: string, name: string): string | undefined {
  for (let at = dir; ; at = dirname(at)) {
    const found = join(at, 'node_modules', name)
    if (existsSync(join(found, 'package.json'))) return realpathSync(found)
    if (at === dirname(at)) return undefined
  }
}
