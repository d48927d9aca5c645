import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DiagnosticError } from '../diagnostics/diagnostic-error.js'

/** At the project root, and committed: what each outside reference was resolved to. */
export const lockFile = 'hone.lock'

type Pins = ReadonlyMap<string, string>

/** Reference → what it is pinned to. Throws a DiagnosticError where the file cannot be understood. */
export function readLock(projectRoot: string): Pins {
  const path = join(projectRoot, lockFile)
  const bad = (message: string) =>
    new DiagnosticError({ code: 'bad-lock', severity: 'error', message: `${lockFile} ${message}`, hint: 'After a merge, keep the lines of one side; or delete the file, and the next run resolves its references anew.' })
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw bad(`cannot be read: ${(error as Error).message}`)
  }
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw bad(`is not JSON: ${(error as Error).message}`)
  }
  const { version, references } = (typeof content === 'object' && content !== null ? content : {}) as { version?: unknown; references?: unknown }
  if (version !== 1) throw bad(`has the version ${JSON.stringify(version) ?? 'undefined'}; this is hone for version 1`)
  if (typeof references !== 'object' || references === null || Array.isArray(references) || Object.values(references).some(pin => typeof pin !== 'string')) throw bad('has no map of texts under "references"')
  return new Map(Object.entries(references as Record<string, string>))
}

/** Puts pins into hone.lock, beside those that are there: sorted, so that two branches rarely meet in one line. */
export function writeLock(projectRoot: string, pins: Pins): void {
  const path = join(projectRoot, lockFile)
  const all = [...new Map([...readLock(projectRoot), ...pins])].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  const fresh = `${path}.${process.pid}`
  try {
    writeFileSync(fresh, `${JSON.stringify({ version: 1, references: Object.fromEntries(all) }, null, 2)}\n`)
    renameSync(fresh, path)
  } finally {
    rmSync(fresh, { force: true })
  }
}
