import { randomUUID } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import type { BigIntStats } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { canonicalJson } from './canonical-json.js'
import { sha256 } from './digest.js'
import { flushAll } from './flush.js'
import { copyHashing, hashFile, type FileDigest } from './hash-file.js'
import type { StoreIo } from './io.js'
import type { Layout } from './layout.js'
import { settleMs, type StatIndex } from './stat-index.js'
import { StoreError, codeOf } from './store-error.js'
import type { Digest, ManifestEntry, OutputRecord } from './types.js'
import { filesBelow, removeTree } from './walk.js'

/** From this size on a file is worth a few milliseconds of waiting, so that it need not be hashed a second time. */
const largeBytes = 1n << 20n

/** The content-addressed files and folders: `objects/ab/<digest>`, and for a folder its manifest and a real tree of hard links to the files. */
export class Objects {
  readonly #io: StoreIo
  readonly #at: Layout
  readonly #index: StatIndex
  readonly #manifests = new Map<Digest, readonly ManifestEntry[]>()
  readonly #shards = new Set<string>()
  #device: bigint | undefined

  constructor(io: StoreIo, at: Layout, index: StatIndex) {
    this.#io = io
    this.#at = at
    this.#index = index
  }

  pathOf(output: OutputRecord): string {
    return output.form === 'file' ? this.#at.file(output.digest) : this.#at.tree(output.digest)
  }

  entries(output: OutputRecord): readonly ManifestEntry[] {
    if (output.form === 'file') return [{ path: '', digest: output.digest, bytes: output.bytes }]
    const entries = this.#manifest(output.digest)
    if (!entries) throw new StoreError('io', `The folder ${output.digest} is no longer in the store`, 'Run the pipeline again: its stage makes it anew.')
    return entries
  }

  /** Moves a file or a folder in; the path is gone afterwards, unless something failed. */
  async ingest(path: string, kind: string, form: 'file' | 'folder'): Promise<OutputRecord> {
    const stat = this.#io.fs.lstatSync(path, { throwIfNoEntry: false, bigint: true })
    if (!stat) throw new StoreError('output', `There is no ${form} at ${path}`, 'Write it, or declare the output optional.')
    if (form === 'file') {
      const { digest, bytes } = await this.#ingestFile(path)
      return { kind, form, digest, bytes }
    }
    if (!stat.isDirectory()) throw new StoreError('output', `${path} must be a folder`, `The kind "${kind}" is a folder: write files into it.`)
    return { kind, form, ...(await this.#ingestFolder(path)) }
  }

  /** As `isIntact`, by the stat alone and at once; undefined where only hashing can say. A plan asks it of every hit. */
  isIntactByStat(output: OutputRecord): boolean | undefined {
    if (output.form === 'file') {
      const state = this.#stateByStat(this.#at.file(output.digest), output, `o:${output.digest}`)
      return typeof state === 'string' ? state === 'intact' : undefined
    }
    const entries = this.#manifest(output.digest)
    const tree = this.#at.tree(output.digest)
    if (!entries || !this.#io.fs.existsSync(tree)) return false
    for (const entry of entries) {
      const state = this.#stateByStat(join(tree, entry.path), entry, `o:${entry.digest}`, `t:${output.digest}/${entry.path}`)
      if (state !== 'intact') return typeof state === 'string' ? false : undefined
    }
    return true
  }

  /** Whether the object is there as recorded. Hashes only what its stat says may have changed. */
  async isIntact(output: OutputRecord): Promise<boolean> {
    return (await this.#firstChanged(output, false)) === undefined
  }

  /** As `isIntact`, also against files added to a folder; what is changed is moved aside, a folder as a whole. */
  async verifyUnchanged(output: OutputRecord): Promise<boolean> {
    const changed = await this.#firstChanged(output, true)
    if (changed === undefined) return true
    if (changed !== 'missing') this.quarantine(changed)
    if (output.form === 'folder') {
      this.quarantine(this.#at.tree(output.digest))
      for (const entry of this.#manifest(output.digest) ?? []) {
        const path = this.#at.file(entry.digest)
        if ((await this.#fileState(path, entry, `o:${entry.digest}`)) === 'changed') this.quarantine(path)
      }
    }
    return false
  }

  /** Moves something wrong out of the objects, so that it is missing from now on and can still be looked at. */
  quarantine(path: string): void {
    const { fs } = this.#io
    if (!fs.existsSync(path)) return
    fs.mkdirSync(this.#at.quarantine, { recursive: true })
    // Not by the time alone: one object can be wrong, made anew and wrong again within a millisecond.
    fs.renameSync(path, join(this.#at.quarantine, `${basename(path)}-${this.#io.nowMs()}-${randomUUID().slice(0, 8)}`))
    this.#manifests.clear()
  }

  /** Brings the bytes of an object to the disk for good; for outputs that would cost much to make again. */
  async sync(output: OutputRecord): Promise<void> {
    const { fs } = this.#io
    const paths =
      output.form === 'file' ? [this.#at.file(output.digest)] : [this.#at.manifest(output.digest), ...this.entries(output).map(e => this.#at.file(e.digest))]
    await flushAll(fs, paths)
    // Windows cannot open a folder; there the rename is as durable as it gets.
    if (process.platform !== 'win32') await flushAll(fs, [...new Set(paths.map(dirname))])
  }

  /** `mayStay`: the object may be another name of the file. Answers whether it is; else the path is gone. */
  async #ingestFile(path: string, mayStay = false): Promise<FileDigest & { stays: boolean }> {
    const { fs } = this.#io
    let stat = fs.lstatSync(path, { bigint: true })
    let source = path
    if (stat.isSymbolicLink()) {
      source = fs.realpathSync(path)
      stat = fs.statSync(source, { bigint: true })
    }
    if (!stat.isFile()) throw new StoreError('output', `${path} must be a file`, 'Write one file there; for several, use a kind that is a folder.')
    const device = this.#ownDevice()
    // Another name of the same inode, or another disk: it must become a file of its own before it can be moved in.
    const isShared = source !== path || stat.nlink > 1n || stat.dev !== device
    if (!isShared) {
      if (stat.size >= largeBytes) await sleep(settleMs(stat, this.#io.nowMs()))
      const hashedAtMs = this.#io.nowMs()
      const hashed = await hashFile(this.#io, path, Number(stat.size))
      const stays = await this.#place(path, hashed, hashedAtMs, mayStay)
      return { ...hashed, stays }
    }
    const copy = this.#at.fresh()
    try {
      const hashedAtMs = this.#io.nowMs()
      const hashed = await copyHashing(this.#io, source, copy, Number(stat.size))
      await this.#place(copy, hashed, hashedAtMs, false)
      fs.rmSync(path, { force: true })
      return { ...hashed, stays: false }
    } finally {
      fs.rmSync(copy, { force: true })
    }
  }

  /** The disk of the store; asked once, as a folder may hold many files. */
  #ownDevice(): bigint {
    if (this.#device !== undefined) return this.#device
    this.#io.fs.mkdirSync(this.#at.temporary, { recursive: true })
    return (this.#device = this.#io.fs.statSync(this.#at.temporary, { bigint: true }).dev)
  }

  /** Moves a hashed file to its place (or, if it may stay, links it there), or drops it where the object is there already. Answers whether it stayed. */
  async #place(from: string, is: FileDigest, hashedAtMs: number, mayStay: boolean): Promise<boolean> {
    const { fs } = this.#io
    const { digest } = is
    const target = this.#at.file(digest)
    this.#shard(digest)
    fs.chmodSync(from, 0o444)
    const stays = mayStay && this.#tryLink(from, target)
    if (!stays && (await this.#fileState(target, is, `o:${digest}`)) === 'intact') {
      this.#touch(digest, target)
      fs.unlinkSync(from)
      return false
    }
    // Over an object that may be hurt: what was opened before keeps its own inode.
    if (!stays) fs.renameSync(from, target)
    this.#index.set(`o:${digest}`, fs.statSync(target, { bigint: true }), digest, hashedAtMs)
    return stays
  }

  /** False where something is there, with too many links to one inode, and on a file system without any. */
  #tryLink(from: string, to: string): boolean {
    try {
      this.#io.fs.linkSync(from, to)
      return true
    } catch (error) {
      if (!['EEXIST', 'EMLINK', 'EPERM', 'ENOTSUP', 'ENOSYS', 'EXDEV'].includes(codeOf(error) ?? '')) throw error
      return false
    }
  }

  /** Moves the ctime alone, so that gc sees that somebody is about to use the object. */
  #touch(digest: Digest, path: string): void {
    const { fs } = this.#io
    const before = fs.statSync(path, { bigint: true })
    fs.chmodSync(path, 0o444)
    this.#index.restamp(`o:${digest}`, before, fs.statSync(path, { bigint: true }))
  }

  async #ingestFolder(path: string): Promise<{ digest: Digest; bytes: number }> {
    const { fs } = this.#io
    const entries: ManifestEntry[] = []
    this.#ownDevice()
    const own = fs.statSync(this.#at.temporary)
    let canBeTree = true
    const files = filesBelow(fs, path, (dir, isEmpty) => {
      const { dev, uid, mode } = fs.lstatSync(dir)
      // Empty folders and modes are no part of an output.
      if (isEmpty || dev !== own.dev || uid !== own.uid || mode !== own.mode) canBeTree = false
    })
    const root = fs.realpathSync(path)
    // Links first, as what they lead to may be moved away below.
    for (const file of files) if (file.isLink) this.#dereference(root, path, file.path)
    const moved: ManifestEntry[] = []
    for (const file of files) {
      const { stays, digest, bytes } = await this.#ingestFile(join(path, file.path), canBeTree)
      const entry = { path: file.path, digest, bytes }
      entries.push(entry)
      if (!stays) moved.push(entry)
    }
    const text = canonicalJson({ folder: 1, entries: entries.map(e => ({ ...e })) })
    const digest = sha256(text)
    this.#shard(digest)
    this.#putManifest(digest, text)
    await this.#putTree(digest, entries, canBeTree ? { path, moved } : undefined)
    this.#manifests.set(digest, entries)
    removeTree(fs, path)
    return { digest, bytes: entries.reduce((sum, e) => sum + e.bytes, 0) }
  }

  /** A link to a file inside the folder becomes a copy; any other is refused, as its target is not part of the output. */
  #dereference(root: string, dir: string, path: string): void {
    const { fs } = this.#io
    const link = join(dir, path)
    const refuse = (why: string): never => {
      throw new StoreError('output', `The link ${path} in ${dir} ${why}`, 'Copy the file there instead of linking to it.')
    }
    let target: string
    try {
      target = fs.realpathSync(link)
    } catch {
      return refuse('leads nowhere')
    }
    if (!target.startsWith(`${root}/`) && !target.startsWith(`${root}\\`)) refuse('leads out of the folder')
    if (!fs.statSync(target).isFile()) refuse('does not lead to a file')
    fs.rmSync(link)
    fs.copyFileSync(target, link)
  }

  #putManifest(digest: Digest, text: string): void {
    const { fs } = this.#io
    const target = this.#at.manifest(digest)
    if (this.#manifest(digest)) return
    const fresh = this.#at.fresh()
    try {
      fs.writeFileSync(fresh, text, { mode: 0o444 })
      fs.renameSync(fresh, target)
    } finally {
      fs.rmSync(fresh, { force: true })
    }
  }

  /** `from`: the folder that can be the tree itself once `moved` is in it again, which spares a name a file. */
  async #putTree(digest: Digest, entries: readonly ManifestEntry[], from?: { path: string; moved: readonly ManifestEntry[] }): Promise<void> {
    const { fs } = this.#io
    const target = this.#at.tree(digest)
    if (fs.existsSync(target)) {
      if (await this.#isTreeIntact(digest, entries, true)) return
      this.quarantine(target)
    }
    const fresh = from?.path ?? this.#at.fresh()
    try {
      if (!from) for (const dir of new Set(['', ...entries.map(entry => dirname(entry.path))])) fs.mkdirSync(join(fresh, dir), { recursive: true })
      for (const entry of from?.moved ?? entries) this.#link(entry.digest, join(fresh, entry.path))
      fs.renameSync(fresh, target)
    } catch (error) {
      // Another process put the same tree there first.
      if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error
    } finally {
      if (!from) removeTree(fs, fresh)
    }
  }

  #link(digest: Digest, to: string): void {
    const { fs } = this.#io
    const object = this.#at.file(digest)
    const before = fs.statSync(object, { bigint: true })
    if (!this.#tryLink(object, to)) return fs.copyFileSync(object, to, fs.constants.COPYFILE_FICLONE | fs.constants.COPYFILE_EXCL)
    this.#index.restamp(`o:${digest}`, before, fs.statSync(object, { bigint: true }))
  }

  async #firstChanged(output: OutputRecord, strictly: boolean): Promise<string | undefined> {
    if (output.form === 'file') {
      const path = this.#at.file(output.digest)
      const state = await this.#fileState(path, output, `o:${output.digest}`)
      return state === 'intact' ? undefined : state === 'missing' ? 'missing' : path
    }
    const entries = this.#manifest(output.digest)
    const tree = this.#at.tree(output.digest)
    if (!entries || !this.#io.fs.existsSync(tree)) return 'missing'
    return (await this.#isTreeIntact(output.digest, entries, strictly)) ? undefined : tree
  }

  async #isTreeIntact(digest: Digest, entries: readonly ManifestEntry[], strictly: boolean): Promise<boolean> {
    const tree = this.#at.tree(digest)
    for (const entry of entries) {
      const state = await this.#fileState(join(tree, entry.path), entry, `o:${entry.digest}`, `t:${digest}/${entry.path}`)
      if (state !== 'intact') return false
    }
    return !strictly || filesBelow(this.#io.fs, tree).length === entries.length
  }

  /** What the stat says of a file; the stat itself where that says nothing. `ownName` is for a file of a tree that could not be a hard link and so has an inode of its own. */
  #stateByStat(path: string, is: { digest: Digest; bytes: number }, name: string, ownName?: string): 'intact' | 'missing' | 'changed' | BigIntStats {
    const stat = this.#io.fs.lstatSync(path, { throwIfNoEntry: false, bigint: true })
    if (!stat) return 'missing'
    if (!stat.isFile() || Number(stat.size) !== is.bytes) return 'changed'
    return this.#index.get(name, stat, true) === is.digest || (ownName !== undefined && this.#index.get(ownName, stat, true) === is.digest) ? 'intact' : stat
  }

  async #fileState(path: string, is: { digest: Digest; bytes: number }, name: string, ownName?: string): Promise<'intact' | 'missing' | 'changed'> {
    const stat = this.#stateByStat(path, is, name, ownName)
    if (typeof stat === 'string') return stat
    const hashedAtMs = this.#io.nowMs()
    const { digest } = await hashFile(this.#io, path, is.bytes)
    if (digest !== is.digest) return 'changed'
    this.#index.set(ownName !== undefined && !this.#isSameFile(path, stat, this.#at.file(is.digest)) ? ownName : name, stat, digest, hashedAtMs)
    return 'intact'
  }

  #isSameFile(path: string, stat: BigIntStats, object: string): boolean {
    const other = this.#io.fs.lstatSync(object, { throwIfNoEntry: false, bigint: true })
    return path === object || other?.ino === stat.ino
  }

  /** The entries of a folder's manifest; undefined when it is not there or is not what its name says. */
  #manifest(digest: Digest): readonly ManifestEntry[] | undefined {
    const known = this.#manifests.get(digest)
    if (known) return known
    let text: string
    try {
      text = this.#io.fs.readFileSync(this.#at.manifest(digest), 'utf8')
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
    if (sha256(text) !== digest) return undefined
    const { entries } = JSON.parse(text) as { entries: ManifestEntry[] }
    this.#manifests.set(digest, entries)
    return entries
  }

  #shard(digest: Digest): void {
    const dir = dirname(this.#at.file(digest))
    if (this.#shards.has(dir)) return
    this.#io.fs.mkdirSync(dir, { recursive: true })
    this.#io.fs.mkdirSync(this.#at.temporary, { recursive: true })
    this.#shards.add(dir)
  }
}
