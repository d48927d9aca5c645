import { dirname } from 'node:path'
import type { BigIntStats } from 'node:fs'
import { isDigest } from './digest.js'
import type { StoreIo } from './io.js'
import { codeOf } from './store-error.js'
import type { Digest } from './types.js'

/**
 * As it stands in the file behind the name, since most of many thousands are only asked whether they fit: the stamp (inode, size, mtimeNs, ctimeNs), a
 * tab, when it was hashed by the clock, just before the file was read, a tab, and the digest.
 */
type Entry = string

/** What a file's stat says that changes when its content does. */
export const stampOf = (stat: BigIntStats): string => `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`

/**
 * Remembers the digest of files by inode, size, mtime and ctime, so that what is unchanged is not read again. A file that was changed so
 * shortly before it was hashed that a later change could bear the same timestamp is not trusted (git's rule for racy entries). Lies in one
 * append-only file; a torn or foreign line is ignored, and losing the file costs only hashing.
 */
export class StatIndex {
  readonly #io: StoreIo
  readonly #file: string
  readonly #entries = new Map<string, Entry>()
  #lines = 0
  #unwritten: string[] = []
  #isLoaded = false

  constructor(io: StoreIo, file: string) {
    this.#io = io
    this.#file = file
  }

  /** The digest under `name` if the file still is what was hashed. `isObject`: our own chmod and links move its ctime, so that only its mtime can be racy. */
  get(name: string, stat: BigIntStats, isObject = false): Digest | undefined {
    this.#load()
    const entry = read(this.#entries.get(name), stat)
    if (entry === undefined) return undefined
    const changed = isObject || stat.mtimeNs > stat.ctimeNs ? stat.mtimeNs : stat.ctimeNs
    return Number(changed) / 1e6 + raceMs(changed) < entry.hashedAtMs ? entry.digest : undefined
  }

  set(name: string, stat: BigIntStats, digest: Digest, hashedAtMs: number): void {
    this.#load()
    const entry = `${stampOf(stat)}\t${hashedAtMs}\t${digest}`
    this.#entries.set(name, entry)
    this.#unwritten.push(line(name, entry))
  }

  /** After we linked to an object ourselves: its ctime moved and nothing else did. */
  restamp(name: string, before: BigIntStats, after: BigIntStats): void {
    const entry = read(this.#entries.get(name), before)
    if (!entry) return
    if (before.ino === after.ino && before.size === after.size && before.mtimeNs === after.mtimeNs) this.set(name, after, entry.digest, entry.hashedAtMs)
  }

  /** Appends what is new; rewrites the file when most of it is stale. A disk that cannot be written loses only time. */
  flush(): void {
    if (this.#unwritten.length === 0) return
    const { fs } = this.#io
    try {
      fs.mkdirSync(dirname(this.#file), { recursive: true })
      if (this.#lines + this.#unwritten.length > 2 * this.#entries.size + 1000) {
        const fresh = `${this.#file}.${process.pid}`
        fs.writeFileSync(fresh, [...this.#entries].map(([name, entry]) => line(name, entry)).join(''))
        fs.renameSync(fresh, this.#file)
        this.#lines = this.#entries.size
      } else {
        fs.appendFileSync(this.#file, this.#unwritten.join(''))
        this.#lines += this.#unwritten.length
      }
    } catch {
      // The next run hashes again.
    }
    this.#unwritten = []
  }

  #load(): void {
    if (this.#isLoaded) return
    this.#isLoaded = true
    let text: string
    try {
      text = this.#io.fs.readFileSync(this.#file, 'utf8')
    } catch (error) {
      if (codeOf(error) === undefined) throw error
      return
    }
    for (const l of text.split('\n')) {
      const end = l.indexOf('\t')
      if (end <= 0) continue
      const name = l.slice(0, end)
      this.#entries.set(name.includes('\\') ? unescape(name) : name, l.slice(end + 1))
      this.#lines++
    }
    // A torn last line must not swallow the next one.
    if (text !== '' && !text.endsWith('\n')) this.#unwritten.push('\n')
  }
}

/** How far apart two changes must be to bear different timestamps: a tick of the kernel, or two seconds where the file system counts whole seconds. */
export const raceMs = (ns: bigint): number => (ns % 1_000_000_000n === 0n ? 2000 : 20)

/** How long to wait before hashing a file, so that its entry is not racy. */
export const settleMs = (stat: BigIntStats, nowMs: number): number => Math.max(0, Math.ceil(Number(stat.mtimeNs) / 1e6 + raceMs(stat.mtimeNs) + 1 - nowMs))

const escape = (name: string): string => name.replace(/[\\\t\n]/g, c => (c === '\\' ? '\\\\' : c === '\t' ? '\\t' : '\\n'))
const unescape = (name: string): string => name.replace(/\\(.)/g, (_, c: string) => (c === 't' ? '\t' : c === 'n' ? '\n' : c))
const line = (name: string, entry: Entry): string => `${escape(name)}\t${entry}\n`

/** Undefined where the file is no longer what was hashed, or the entry is torn. */
function read(entry: Entry | undefined, stat: BigIntStats): { readonly hashedAtMs: number; readonly digest: Digest } | undefined {
  if (entry === undefined) return undefined
  const stamp = stampOf(stat)
  const digest = entry.slice(-64)
  if (!entry.startsWith(stamp) || entry[stamp.length] !== '\t' || entry.at(-65) !== '\t' || !isDigest(digest)) return undefined
  return { hashedAtMs: Number(entry.slice(stamp.length + 1, -65)), digest }
}
