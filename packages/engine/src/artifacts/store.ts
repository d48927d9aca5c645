import { randomUUID } from 'node:crypto'
import { isAbsolute, join, relative, sep } from 'node:path'
import type { BigIntStats } from 'node:fs'
import { Actions } from './actions.js'
import { checkFormat, markFormat } from './format.js'
import { hashFile, type FileDigest } from './hash-file.js'
import { realIo, type StoreIo } from './io.js'
import { LastKeys } from './last-keys.js'
import { layout, type Layout } from './layout.js'
import { takeLock, type LockOptions } from './lock.js'
import { Objects } from './objects.js'
import { StatIndex, stampOf } from './stat-index.js'
import { asStoreError } from './store-error.js'
import type { ActionRecord, ArtifactStore, Digest, ManifestEntry, OutputRecord } from './types.js'
import { removeTree } from './walk.js'

export interface StoreOptions {
  /** `.hone` or `HONE_HOME`; made when something is stored for the first time. */
  readonly root: string
  /** Files below it are known by their relative path, so that a moved project hashes nothing again. */
  readonly projectRoot: string
  readonly io?: StoreIo
}

/** Opens a store. Throws a StoreError when it was written by a newer version. */
export async function openStore(options: StoreOptions): Promise<FileStore> {
  return new FileStore(options)
}

/** Results that take at least so long, or so many bytes, are brought to the disk for good before their record is. */
const durableFromMs = 10_000
const durableFromBytes = 16 << 20

/** The store on the local disk. */
export class FileStore implements ArtifactStore {
  readonly root: string
  readonly projectRoot: string
  readonly io: StoreIo
  readonly at: Layout
  readonly objects: Objects
  readonly actions: Actions
  readonly #index: StatIndex
  readonly #last: LastKeys
  /** Empty work folders for the next stage. */
  readonly #idleWork: string[] = []
  #isMarked = false

  constructor({ root, projectRoot, io = realIo }: StoreOptions) {
    this.root = root
    this.projectRoot = projectRoot
    this.io = io
    this.at = layout(root)
    this.#index = new StatIndex(io, this.at.statIndex)
    this.objects = new Objects(io, this.at, this.#index)
    this.actions = new Actions(io, this.at)
    this.#last = new LastKeys(io, this.at)
    this.#guardSync('open the store', () => checkFormat(io, this.at, root))
  }

  recordOf(key: Digest): ActionRecord | undefined {
    return this.#guardSync('read a record', () => this.actions.read(key))
  }

  /** A promise only where something must be hashed: waiting for ten promises a node would be most of what a plan of hits takes. */
  lookup(key: Digest, options: { isLikely?: boolean } = {}): ActionRecord | undefined | Promise<ActionRecord | undefined> {
    return this.#guardSync('read a record', () => {
      const record = this.actions.read(key, options.isLikely)
      if (!record) return undefined
      const isWhole = this.#isWholeByStat(record)
      if (isWhole !== undefined) return isWhole ? record : undefined
      return this.#guard('read a record', async () => ((await this.isWhole(record)) ? record : undefined))
    })
  }

  lookupStatic(staticKey: Digest): Promise<readonly ActionRecord[]> {
    return this.#guard('read records', async () => {
      const records: ActionRecord[] = []
      for (const key of this.actions.keysOf(staticKey)) {
        const record = this.actions.read(key)
        if (record && (await this.isWhole(record))) records.push(record)
      }
      return records.sort((a, b) => (a.finishedAt < b.finishedAt ? 1 : a.finishedAt > b.finishedAt ? -1 : a.key < b.key ? -1 : 1))
    })
  }

  #isWholeByStat(record: ActionRecord): boolean | undefined {
    for (const port in record.outputs) {
      const isIntact = this.objects.isIntactByStat(record.outputs[port] as OutputRecord)
      if (isIntact !== true) return isIntact
    }
    return true
  }

  /** Whether every object that a record lists is there as it was stored. */
  async isWhole(record: ActionRecord): Promise<boolean> {
    for (const port in record.outputs) if (!(await this.objects.isIntact(record.outputs[port] as OutputRecord))) return false
    return true
  }

  ingest(path: string, kind: string, form: 'file' | 'folder'): Promise<OutputRecord> {
    return this.#guard(`store ${path}`, () => {
      this.#mark()
      return this.objects.ingest(path, kind, form)
    })
  }

  publish(record: ActionRecord, options: { replace?: boolean } = {}): Promise<ActionRecord> {
    return this.#guard('publish a result', async () => {
      this.#mark()
      const outputs = Object.values(record.outputs)
      const durable = record.durationMs >= durableFromMs || outputs.reduce((sum, o) => sum + o.bytes, 0) >= durableFromBytes
      if (durable) for (const output of outputs) await this.objects.sync(output)
      if (this.actions.write(record, { replace: options.replace === true, durable })) return record
      const first = this.actions.read(record.key)
      if (first && (await this.isWhole(first))) return first
      // What stands there leads nowhere, or cannot be read.
      this.actions.write(record, { replace: true, durable })
      return record
    })
  }

  pathOf(output: OutputRecord): string {
    return this.objects.pathOf(output)
  }

  async entries(output: OutputRecord): Promise<readonly ManifestEntry[]> {
    return this.#guardSync('read a folder', () => this.objects.entries(output))
  }

  async digestFile(path: string): Promise<FileDigest> {
    for (let tries = 0; ; tries++) {
      const stat = this.io.fs.statSync(path, { bigint: true })
      const known = this.#known(path, stat)
      if (known) return known
      const hashedAtMs = this.io.nowMs()
      const hashed = await this.#guard(`read ${path}`, () => hashFile(this.io, path, Number(stat.size)))
      // Written to while it was read: try again, and in the end answer without remembering.
      const isSettled = stampOf(this.io.fs.statSync(path, { bigint: true })) === stampOf(stat)
      if (isSettled) this.#index.set(this.#nameOf(path), stat, hashed.digest, hashedAtMs)
      if (isSettled || tries === 2) return hashed
    }
  }

  knownDigest(path: string): FileDigest | undefined {
    const stat = this.io.fs.statSync(path, { throwIfNoEntry: false, bigint: true })
    return stat?.isFile() ? this.#known(path, stat) : undefined
  }

  #known(path: string, stat: BigIntStats): FileDigest | undefined {
    const digest = this.#index.get(this.#nameOf(path), stat)
    return digest && { digest, bytes: Number(stat.size) }
  }

  /** The name of an outside file in the stat index: relative inside the project. */
  #nameOf(path: string): string {
    const inside = relative(this.projectRoot, path)
    return inside === '' || inside.startsWith('..') || isAbsolute(inside) ? path : inside.split(sep).join('/')
  }

  lastKeys(pipeline: string): ReadonlyMap<string, Digest> {
    return this.#guardSync('read what ran last', () => this.#last.of(pipeline))
  }

  remember(pipeline: string, node: string, key: Digest): void {
    this.#guardSync('note what ran', () => this.#last.remember(pipeline, node, key))
  }

  attempt(key: Digest): Promise<{ dir: string; scratch: string; isNew: boolean }> {
    return this.#guard('make a work folder', async () => {
      this.#mark()
      const { fs } = this.io
      const work = this.at.workOf(key)
      const scratch = join(work, 'scratch')
      const first = join(work, 'attempt-1')
      if (this.#takeIdle(work)) {
        // All but for gc, which may have thought that it was left behind.
        for (const dir of [scratch, first]) if (!fs.existsSync(dir)) fs.mkdirSync(dir, { recursive: true })
        return { dir: first, scratch, isNew: true }
      }
      const isNew = fs.mkdirSync(scratch, { recursive: true }) !== undefined
      const numbers = fs.readdirSync(work).map(name => Number(/^attempt-(\d+)$/.exec(name)?.[1] ?? 0))
      const dir = join(work, `attempt-${Math.max(0, ...numbers) + 1}`)
      fs.mkdirSync(dir)
      return { dir, scratch, isNew }
    })
  }

  #takeIdle(work: string): boolean {
    const idle = this.#idleWork.pop()
    if (idle === undefined) return false
    try {
      this.io.fs.renameSync(idle, work)
      return true
    } catch {
      // There is a work folder of this key already.
      this.#idleWork.push(idle)
      return false
    }
  }

  clean(key: Digest, options: { keepScratch?: boolean; mayReuse?: boolean } = {}): Promise<void> {
    return this.#guard('empty a work folder', async () => {
      const { fs } = this.io
      const work = this.at.workOf(key)
      if (options.mayReuse && this.#putIdle(work)) return
      if (!options.keepScratch) return removeTree(fs, work)
      if (!fs.existsSync(work)) return
      for (const name of fs.readdirSync(work)) if (name !== 'scratch') removeTree(fs, join(work, name))
    })
  }

  /** Making and removing three folders a stage is most of what a short one costs on some disks. False unless nothing is in them. */
  #putIdle(work: string): boolean {
    const { fs } = this.io
    const parts = fs.readdirSync(work).sort()
    if (parts.join() !== 'attempt-1,scratch' || parts.some(part => fs.readdirSync(join(work, part)).length > 0)) return false
    const idle = this.at.workOf(`idle-${process.pid}-${randomUUID()}`)
    fs.renameSync(work, idle)
    this.#idleWork.push(idle)
    return true
  }

  lock(key: Digest, options: LockOptions): Promise<{ release(): Promise<void> }> {
    return this.#guard('take a lock', () => {
      this.#mark()
      return takeLock(this.io, this.at.lock(key), this.at.fresh, options)
    })
  }

  verifyUnchanged(output: OutputRecord): Promise<boolean> {
    return this.#guard('check an artifact', () => this.objects.verifyUnchanged(output))
  }

  /** Writes what was learnt about unchanged files. */
  async close(): Promise<void> {
    for (const idle of this.#idleWork.splice(0)) removeTree(this.io.fs, idle)
    if (this.#isMarked || this.io.fs.existsSync(this.root)) this.#index.flush()
  }

  #mark(): void {
    if (this.#isMarked) return
    markFormat(this.io, this.at, this.root)
    for (const dir of [this.at.locks, this.at.temporary]) this.io.fs.mkdirSync(dir, { recursive: true })
    this.#isMarked = true
  }

  async #guard<T>(doing: string, act: () => Promise<T> | T): Promise<T> {
    try {
      return await act()
    } catch (error) {
      throw asStoreError(error, doing)
    }
  }

  #guardSync<T>(doing: string, act: () => T): T {
    try {
      return act()
    } catch (error) {
      throw asStoreError(error, doing)
    }
  }
}
