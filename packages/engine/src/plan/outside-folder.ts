import { readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Digest, Json } from '../artifacts/types.js'

/** Never part of an artifact that a parameter names. */
const skipped = new Set(['.git', '.hone'])

/**
 * The files below a folder of the user, sorted, with `/`. Links are followed (a model in the hub's cache is a folder of links), a link back to a
 * folder that it lies in is not entered again.
 */
export function filesOfFolder(root: string): string[] {
  const files: string[] = []
  const visit = (dir: string, prefix: string, above: readonly string[]): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      if (skipped.has(entry.name)) continue
      const path = join(dir, entry.name)
      const kind = entry.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : entry
      if (kind?.isFile()) files.push(prefix + entry.name)
      else if (kind?.isDirectory()) {
        const real = entry.isSymbolicLink() ? realpathSync(path) : path
        if (!above.includes(real)) visit(path, `${prefix}${entry.name}/`, [...above, real])
      }
    }
  }
  visit(root, '', [realpathSync(root)])
  return files.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

/** Up to so many files a folder stands in the key file by file, so that `why` can name the one that changed. */
const listedFiles = 200

/** What of a folder stands in the key, from its files' names and digests and the digest of these. */
export function contentOfFolder(files: Readonly<Record<string, Digest>>, digest: Digest): Json {
  const count = Object.keys(files).length
  return count <= listedFiles ? { files } : { digest, count }
}
