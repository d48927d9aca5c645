// What a disk, an editor or a clean-up may do to a store between two runs.
import { appendFileSync, chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { contentOf } from './folder.js'

/** Other bytes of the same number and time, more of them, fewer, those of another file in its place, or none. */
export const ways = ['changed', 'longer', 'cut', 'replaced', 'removed'] as const

export const places = ['objects', 'actions', 'memo', 'states', 'last', 'stat-index', 'plugins', 'runs', 'probes'] as const

export interface Damage {
  readonly where: (typeof places)[number]
  readonly file: number
  readonly how: (typeof ways)[number]
}

/** What is lost with it: artifacts that have one of these texts, or hold it; the result of a key. */
export interface Lost {
  readonly texts: readonly string[]
  readonly key: string | undefined
  /** What a run used can no longer be told. */
  readonly isRun: boolean
}

/** Undefined where there is nothing to damage. */
export function damage(store: string, { where, file, how }: Damage): Lost | undefined {
  const files = filesAt(join(store, where)).sort()
  if (files.length === 0) return undefined
  const path = files[file % files.length]!
  const lost = lostWith(store, path)
  const text = readFileSync(path)
  const { atime, mtime } = statSync(path)
  if (how === 'removed' || how === 'replaced') rmSync(path)
  else chmodSync(path, 0o644)
  if (how === 'replaced') writeFileSync(path, 'something else\n')
  else if (how === 'longer' || (how === 'changed' && text.length === 0)) appendFileSync(path, '{"v":1}\n')
  // Only what has a digest can be told from other text of its form; the rest is torn, as by a crash.
  else if (how === 'changed' && (where === 'objects' || where === 'memo')) writeFileSync(path, changed(text))
  else if (how !== 'removed') truncateSync(path, Math.floor(text.length / 2))
  if (how === 'changed') utimesSync(path, atime, mtime)
  return lost
}

/** Another number where there is one, so that it still reads as what it was. */
function changed(text: Buffer): Buffer {
  const at = Math.max(0, text.findLastIndex(byte => byte >= 0x30 && byte <= 0x39))
  text[at]! ^= 1
  return text
}

function lostWith(store: string, path: string): Lost {
  const [where, , name = ''] = relative(store, path).split(sep)
  if (where === 'actions') return { texts: [], key: /[0-9a-f]{64}(?=\.json$|$)/.exec(path)?.[0], isRun: false }
  if (where !== 'objects') return { texts: [], key: undefined, isRun: where === 'runs' }
  const tree = join(store, 'objects', name.slice(0, 2), `${name.slice(0, 64)}.tree`)
  return { texts: [readFileSync(path, 'utf8'), ...(name.length > 64 && existsSync(tree) ? [contentOf(tree)] : [])], key: undefined, isRun: false }
}

function filesAt(path: string): string[] {
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}
