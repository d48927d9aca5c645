import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { markFormat } from './format.js'
import type { StoreIo } from './io.js'
import { layout } from './layout.js'
import { asStoreError, codeOf, StoreError } from './store-error.js'

const elsewhere = 'Set HONE_HOME to a folder that can be written, or leave it out for `.hone` in the project.'

/**
 * Why no store can ever be at `root`; undefined where one is or could be made, also where that is not allowed: what is not there reads as empty.
 * Below /proc node's recursive mkdir never returns, so this is asked before anything is made.
 */
export function placeProblem({ fs }: StoreIo, root: string): StoreError | undefined {
  for (let place = root; ; place = dirname(place)) {
    let isFolder: boolean | undefined
    try {
      isFolder = fs.statSync(place).isDirectory()
    } catch (error) {
      // ENOTDIR: what is in the way is found further up.
      if (!['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '') || place === dirname(place)) return asPlaceError(error, root)
      continue
    }
    if (!isFolder) return new StoreError('io', `There can be no store at ${root}: a file is in the way where a folder should be (${place})`, 'Move it aside, or set HONE_HOME to another folder.')
    return place === root ? undefined : holdsNoFolders(fs, place, root)
  }
}

function holdsNoFolders(fs: StoreIo['fs'], place: string, root: string): StoreError | undefined {
  const probe = join(place, `.hone-${process.pid}-${randomBytes(6).toString('hex')}`)
  try {
    fs.mkdirSync(probe)
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? new StoreError('io', `There can be no store at ${root}: ${place} holds no folders of yours`, elsewhere) : undefined
  }
  fs.rmdirSync(probe)
  return undefined
}

const asPlaceError = (error: unknown, root: string): StoreError => {
  const known = asStoreError(error, `look at the store ${root}`)
  return known instanceof StoreError ? known : new StoreError('io', `There can be no store at ${root}: ${(error as Error).message}`, elsewhere)
}

/** Writes what a stage is going to write, before the first one starts. Throws a StoreError. */
export function tryWriting(io: StoreIo, root: string): void {
  const { fs } = io
  const at = layout(root)
  try {
    markFormat(io, at, root)
    fs.mkdirSync(at.work, { recursive: true })
    fs.mkdirSync(at.temporary, { recursive: true })
    const probe = at.fresh()
    fs.writeFileSync(probe, 'x')
    fs.rmSync(probe)
  } catch (error) {
    throw asStoreError(error, 'write to the store')
  }
}
