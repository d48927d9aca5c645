import { dirname, join } from 'node:path'
import { canonicalJson } from './canonical-json.js'
import { isDigest } from './digest.js'
import type { StoreIo } from './io.js'
import type { Layout } from './layout.js'
import { publishNew } from './lock.js'
import { codeOf } from './store-error.js'
import type { ActionRecord, Digest, Json } from './types.js'

/** The records of finished stages: a file a key, and under each static key the names of the keys that share it. */
export class Actions {
  readonly #io: StoreIo
  readonly #at: Layout

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
      const record = JSON.parse(fs.readFileSync(path, 'utf8')) as ActionRecord
      return record.schema === 1 && record.key === key ? record : undefined
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
      throw error
    }
  }

  keysOf(staticKey: Digest): Digest[] {
    const { fs } = this.#io
    const dir = this.#at.statics(staticKey)
    return fs.statSync(dir, { throwIfNoEntry: false }) ? fs.readdirSync(dir).filter(isDigest) : []
  }

  /** All keys that there are. */
  keys(): Digest[] {
    const { fs } = this.#io
    if (!fs.existsSync(this.#at.actions)) return []
    const shards = fs.readdirSync(this.#at.actions).filter(name => name.length === 2)
    const names = shards.flatMap(shard => fs.readdirSync(join(this.#at.actions, shard)))
    return names.filter(name => name.endsWith('.json')).map(name => name.slice(0, -'.json'.length)).filter(isDigest)
  }

  /** False if a record stands there already and `replace` is not set. */
  write(record: ActionRecord, options: { replace: boolean; durable: boolean }): boolean {
    const { fs } = this.#io
    const statics = this.#at.statics(record.staticKey)
    const path = this.#at.action(record.key)
    fs.mkdirSync(statics, { recursive: true })
    fs.mkdirSync(dirname(path), { recursive: true })
    fs.mkdirSync(this.#at.temporary, { recursive: true })
    // Before the record: a name without a record is nothing, a record without a name would not be found.
    fs.writeFileSync(join(statics, record.key), '')
    const fresh = this.#at.fresh()
    try {
      fs.writeFileSync(fresh, canonicalJson(record as unknown as Json))
      if (options.durable) this.#sync(fresh)
      if (options.replace) fs.renameSync(fresh, path)
      else if (!publishNew(this.#io, fresh, path)) return false
      if (options.durable && process.platform !== 'win32') this.#sync(dirname(path))
      return true
    } finally {
      fs.rmSync(fresh, { force: true })
    }
  }

  remove(record: ActionRecord): void {
    this.#io.fs.rmSync(this.#at.action(record.key), { force: true })
    this.#io.fs.rmSync(join(this.#at.statics(record.staticKey), record.key), { force: true })
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
