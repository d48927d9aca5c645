import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const made = new Set<string>()

/** A fresh folder, by its real path, which is removed when the process ends. */
export function temporaryFolder(prefix: string): string {
  if (made.size === 0) process.once('exit', () => made.forEach(folder => rmSync(folder, { recursive: true, force: true })))
  const folder = realpathSync(mkdtempSync(join(tmpdir(), prefix)))
  made.add(folder)
  return folder
}
