import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { markFormat } from './format.js'
import type { StoreIo } from './io.js'
import { layout } from './layout.js'
import { asStoreError, codeOf, StoreError } from './store-error.js'

/** What is to lie at a place, and how its user chooses another. */
interface Tenant {
  readonly what: string
  readonly variable: string
  readonly otherwise: string
}

const store: Tenant = { what: 'store', variable: 'HONE_HOME', otherwise: '`.hone` in the project' }
export const sharedCache: Tenant = { what: 'cache', variable: 'HONE_CACHE', otherwise: '`hone` in your cache folder' }

/**
 * Why no store (or what else) can ever be at `root`; undefined where one is or could be made, also where that is not allowed: what is not there reads as empty.
 * Below /proc node's recursive mkdir never returns, so this is asked before anything is made.
 */
export function placeProblem({ fs }: StoreIo, root: string, tenant = store): StoreError | undefined {
  const problem = (because: string, hint = `Set ${tenant.variable} to a folder that can be written, or leave it out for ${tenant.otherwise}.`) =>
    new StoreError('io', `There can be no ${tenant.what} at ${root}: ${because}`, hint)
  for (let place = root; ; place = dirname(place)) {
    let isFolder: boolean | undefined
    try {
      isFolder = fs.statSync(place).isDirectory()
    } catch (error) {
      // ENOTDIR: what is in the way is found further up.
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '') && place !== dirname(place)) continue
      const known = asStoreError(error, `look at the ${tenant.what} ${root}`)
      return known instanceof StoreError ? known : problem((error as Error).message)
    }
    if (!isFolder) return problem(`a file is in the way where a folder should be (${place})`, `Move it aside, or set ${tenant.variable} to another folder.`)
    return place === root || canHoldFolders(fs, place) ? undefined : problem(`${place} holds no folders of yours`)
  }
}

function canHoldFolders(fs: StoreIo['fs'], place: string): boolean {
  const probe = join(place, `.hone-${process.pid}-${randomBytes(6).toString('hex')}`)
  try {
    fs.mkdirSync(probe)
  } catch (error) {
    return codeOf(error) !== 'ENOENT'
  }
  fs.rmdirSync(probe)
  return true
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
