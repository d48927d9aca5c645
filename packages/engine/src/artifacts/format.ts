import { join } from 'node:path'
import type { StoreIo } from './io.js'
import type { Layout } from './layout.js'
import { StoreError, codeOf } from './store-error.js'

/** Raised when an older program could not read what a newer one writes. */
export const storeFormat = 1

/** Throws a StoreError (`newer`) when the store was written by a newer program; a store that is not there yet is fine. */
export function checkFormat(io: StoreIo, at: Layout, root: string): void {
  let text: string
  try {
    text = io.fs.readFileSync(at.format, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return
    throw error
  }
  let format: unknown
  try {
    format = (JSON.parse(text) as { format?: unknown }).format
  } catch {
    format = undefined
  }
  if (typeof format !== 'number') throw new StoreError('io', `${at.format} does not say which format the store has`, `Move ${root} aside, or put it back from a copy.`)
  if (format > storeFormat) {
    throw new StoreError(
      'newer',
      `The store ${root} was written by a newer version of hone (format ${format}; this one reads ${storeFormat})`,
      'Update hone, or set HONE_HOME to another folder.',
    )
  }
}

/** Writes the format and what keeps the store out of git, when something is stored for the first time. */
export function markFormat(io: StoreIo, at: Layout, root: string): void {
  const { fs } = io
  fs.mkdirSync(root, { recursive: true })
  if (fs.existsSync(at.format)) return
  fs.writeFileSync(join(root, '.gitignore'), '*\n')
  const fresh = `${at.format}.${process.pid}`
  fs.writeFileSync(fresh, `${JSON.stringify({ format: storeFormat })}\n`)
  fs.renameSync(fresh, at.format)
}
