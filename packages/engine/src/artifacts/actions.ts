import { dirname, join } from 'node:path'
import { isDigest } from './digest.js'
import type { StoreIo } from './io.js'
import type { Layout } from './layout.js'
import { publishNew } from './lock.js'
import { raceMs } from './stat-index.js'
import { codeOf } from './store-error.js'
import type { ActionRecord, Digest } from './types.js'
import { namesIn, removeFile } from './walk.js'

/** The names below one folder of static keys, and when it had them. */
interface Listing {
  readonly mtimeNs: bigint
  readonly listedAtMs: number
  readonly keys: ReadonlyMap<string, readonly Digest[]>
}

/** As an object: of a text `fs` makes one each time, which takes a quarter of what it takes to read a record. */
const asText = { encoding: 'utf8', flag: 'r' } as const

/** The records of finished stages: a file a key, with a second name that says its static key. */
export class Actions {
  readonly #io: StoreIo
  readonly #at: Layout
  /** Folders that are there: nothing takes them away. */
  readonly #made = new Set<string>()
  readonly #listings = new Map<string, Listing>()

  constructor(io: StoreIo, at: Layout) {
    this.#io = io
    this.#at = at
  }

  /** What was written under a key; undefined when there is nothing, or nothing that can be read. `isLikely` spares a look before. */
  read(key: Digest, isLikely = false): ActionRecord | undefined {
    const path = this.#at.action(key)
    const { fs } = this.#io
    // An exception for each of 100,000 misses would be most of the time that a plan takes.
    if (!isLikely && !fs.statSync(path, { throwIfNoEntry: false })) return undefined
    try {
      const record = JSON.parse(fs.readFileSync(path, asText)) as ActionRecord | null
      return record?.schema === 1 && record.key === key ? record : undefined
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
      throw error
    }
  }

  keysOf(staticKey: Digest): Digest[] {
    const { fs } = this.#io
    const dir = this.#at.statics(staticKey)
    const stat = fs.statSync(dir, { throwIfNoEntry: false, bigint: true })
    if (!stat) return []
    const known = this.#listings.get(dir)
    // Listed as it stands, unless a name could have come within the same tick.
    const isCurrent = known?.mtimeNs === stat.mtimeNs && Number(stat.mtimeNs) / 1e6 + raceMs(stat.mtimeNs) < known.listedAtMs
    const { keys } = isCurrent ? known : this.#list(dir, stat.mtimeNs)
    return [...(keys.get(staticKey) ?? [])]
  }

  #list(dir: string, mtimeNs: bigint): Listing {
    const { fs } = this.#io
    const listedAtMs = this.#io.nowMs()
    const keys = new Map<string, Digest[]>()
    for (const name of fs.readdirSync(dir)) {
      const staticKey = name.slice(0, 64)
      const named = name.length === 64 ? fs.readdirSync(join(dir, name)) : [name.slice(65)]
      for (const key of named.filter(isDigest)) keys.set(staticKey, [...(keys.get(staticKey) ?? []), key])
    }
    const listing = { mtimeNs, listedAtMs, keys }
    this.#listings.set(dir, listing)
    return listing
  }

  /** All keys that there are. */
  keys(): Digest[] {
    const { fs } = this.#io
    const shards = namesIn(fs, this.#at.actions).filter(name => name.length === 2)
    const names = shards.flatMap(shard => namesIn(fs, join(this.#at.actions, shard)))
    return names.filter(name => name.endsWith('.json')).map(name => name.slice(0, -'.json'.length)).filter(isDigest)
  }

  /** False if a record stands there already and `replace` is not set. */
  write(record: ActionRecord, options: { replace: boolean; durable: boolean }): boolean {
    const { fs } = this.#io
    const statics = this.#at.statics(record.staticKey)
    const path = this.#at.action(record.key)
    for (const dir of [statics, dirname(path), this.#at.temporary]) {
      if (this.#made.has(dir)) continue
      fs.mkdirSync(dir, { recursive: true })
      this.#made.add(dir)
    }
    const fresh = this.#at.fresh()
    try {
      fs.writeFileSync(fresh, JSON.stringify(record))
      if (options.durable) this.#sync(fresh)
      // Before the record: a name without a record is nothing, a record without a name would not be found. A link, as another file would cost more.
      publishNew(this.#io, fresh, `${join(statics, record.staticKey)}-${record.key}`)
      if (options.replace) fs.renameSync(fresh, path)
      else if (!publishNew(this.#io, fresh, path)) return false
      if (options.durable && process.platform !== 'win32') this.#sync(dirname(path))
      return true
    } finally {
      removeFile(fs, fresh)
    }
  }

  remove(record: ActionRecord): void {
    this.#io.fs.rmSync(this.#at.action(record.key), { force: true })
    const name = join(this.#at.statics(record.staticKey), record.staticKey)
    for (const path of [`${name}-${record.key}`, join(name, record.key)]) this.#io.fs.rmSync(path, { force: true })
  }

  #sync(path: string): void {
    const { fs } = this.#io
    const fd = fs.openSync(path, 'r')
    try {
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  }
}
