import { join, sep } from 'node:path'
import type { StoreIo } from './io.js'
import { StoreError, codeOf } from './store-error.js'

export interface FoundFile {
  /** Relative to the folder, with `/`. */
  readonly path: string
  readonly isLink: boolean
}

/** All files below a folder in the order of their paths (by UTF-16 units, the same on every machine). Links are named, not followed; sockets and devices are refused. */
export function filesBelow(fs: StoreIo['fs'], root: string, onFolder?: (dir: string, isEmpty: boolean) => void): FoundFile[] {
  const found: FoundFile[] = []
  const visit = (dir: string, prefix: string): void => {
    const entries = fs.readdirSync(dir, { withFileTypes: true })
    onFolder?.(dir, entries.length === 0)
    for (const entry of entries) {
      const path = prefix + entry.name
      // Such a name cannot be asked for again.
      if (entry.name.includes('\ufffd') && !fs.existsSync(join(dir, entry.name))) throw new StoreError('output', `${join(dir, entry.name)} has a name that is not UTF-8`, 'Give it a name in UTF-8.')
      if (entry.isDirectory()) visit(join(dir, entry.name), `${path}/`)
      else if (entry.isFile() || entry.isSymbolicLink()) found.push({ path, isLink: entry.isSymbolicLink() })
      else throw new StoreError('output', `${join(dir, entry.name)} is neither a file nor a folder`, 'Write plain files.')
    }
  }
  visit(root, '')
  return found.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

/** Whether a path is `at`, or lies in that folder. */
export const isAtOrBelow = (path: string, at: string): boolean => path === at || path.startsWith(at + sep)

/** Removes a file, if it is there: `rmSync` looks at it first, and takes twice as long. */
export function removeFile(fs: StoreIo['fs'], path: string): void {
  try {
    fs.unlinkSync(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

/** Removes a file or a folder, also where a stage has made folders read-only. */
export function removeTree(fs: StoreIo['fs'], path: string): void {
  try {
    fs.rmSync(path, { recursive: true, force: true })
  } catch (error) {
    if (codeOf(error) !== 'EACCES' && codeOf(error) !== 'EPERM') throw error
    unlockFolders(fs, path)
    fs.rmSync(path, { recursive: true, force: true })
  }
}

function unlockFolders(fs: StoreIo['fs'], dir: string): void {
  fs.chmodSync(dir, 0o755)
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) if (entry.isDirectory()) unlockFolders(fs, join(dir, entry.name))
}

/** The names in a folder; none where there is no folder. */
export function namesIn(fs: StoreIo['fs'], dir: string): string[] {
  try {
    return fs.readdirSync(dir)
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return []
    throw error
  }
}
