import { readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { stampOf } from '../artifacts/stat-index.js'
import type { PackageId } from './resolve.js'

/** What npm noted of an install. */
const noteOf = (root: string) => join(root, 'node_modules', '.package-lock.json')

interface Note {
  readonly packages?: Readonly<Record<string, { readonly integrity?: string }>>
}

/**
 * The integrity (`sha512-…`) of the archive that npm unpacked a package from, and the file that says so: two archives may bear one name and version,
 * as when a tarball is packed anew. Undefined of what no archive brought (a linked folder), and of what another program installed.
 */
export function installedFrom({ dir }: PackageId): { readonly integrity: string; readonly file: string } | undefined {
  for (let root = dirname(dir); root !== dirname(root); root = dirname(root)) {
    const file = noteOf(root)
    const integrity = notedIn(file)?.packages?.[relative(root, dir).split(sep).join('/')]?.integrity
    if (integrity !== undefined) return { integrity, file }
  }
  return undefined
}

/** Each package of each stage asks: it is parsed once while it stays as it is. */
const parsed = new Map<string, { readonly stamp: string; readonly note: Note | undefined }>()

function notedIn(file: string): Note | undefined {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true })
  if (!stat) return undefined
  const stamp = stampOf(stat)
  const known = parsed.get(file)
  if (known?.stamp === stamp) return known.note
  const note = read(file)
  parsed.set(file, { stamp, note })
  return note
}

function read(file: string): Note | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Note
  } catch {
    // npm writes it anew with its next install; until then versions count alone.
    return undefined
  }
}
