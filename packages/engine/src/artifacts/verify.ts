import { join } from 'node:path'
import { isDigest, sha256 } from './digest.js'
import { hashFile, type FileDigest } from './hash-file.js'
import type { FileStore } from './store.js'
import type { ActionRecord, Digest, ManifestEntry, OutputRecord } from './types.js'
import { filesBelow, namesIn } from './walk.js'

const objectName = /^[0-9a-f]{64}(\.manifest|\.tree)?$/

export interface VerifyReport {
  readonly objects: number
  readonly bytes: number
  /** What was not what its name says, and now lies in `quarantine/`. */
  readonly moved: readonly { readonly path: string; readonly problem: string }[]
  /** Records that named something moved or missing; they are aside too, and the next run makes the results anew. */
  readonly lost: readonly Pick<ActionRecord, 'key' | 'uses' | 'node'>[]
}

export interface VerifyOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (objects: number, bytes: number) => void
}

/** Hashes every object, without trusting the stat index, and moves what is wrong aside. Something is wrong if `moved` or `lost` has members. */
export async function verifyStore(store: FileStore, { signal, onProgress }: VerifyOptions = {}): Promise<VerifyReport> {
  const { io, at } = store
  const { fs } = io
  const moved: { path: string; problem: string }[] = []
  const wrong = (path: string, problem: string) => {
    store.objects.quarantine(path)
    moved.push({ path, problem })
  }
  /** Inodes that hold what their name says: a file of a tree is one of them. */
  const good = new Map<string, FileDigest>()
  let [objects, bytes] = [0, 0]

  /** Undefined where the file is not what has this digest. */
  const checked = async (path: string, digest: Digest): Promise<FileDigest | undefined> => {
    signal?.throwIfAborted()
    const stat = fs.lstatSync(path, { bigint: true })
    if (!stat.isFile()) return undefined
    const inode = `${stat.dev}:${stat.ino}`
    const known = good.get(inode)
    if (known?.digest === digest) return known
    const hashed = await hashFile(io, path, Number(stat.size))
    objects++
    bytes += hashed.bytes
    onProgress?.(objects, bytes)
    if (hashed.digest !== digest) return undefined
    good.set(inode, hashed)
    return hashed
  }

  const names = allObjects(store)
  const files = new Map<Digest, FileDigest>()
  for (const { path, name } of names) {
    if (!isDigest(name)) continue
    const file = await checked(path, name)
    if (file) files.set(name, file)
    else wrong(path, 'the content does not have the digest that names it')
  }
  for (const { path, name } of names) {
    const digest = name.slice(0, 64) as Digest
    if (name.endsWith('.manifest') && sha256(fs.readFileSync(path)) !== digest) wrong(path, 'the list of files does not have the digest that names it')
  }
  const trees = new Set<Digest>()
  for (const { path, name } of names) {
    if (!name.endsWith('.tree')) continue
    const digest = name.slice(0, 64) as Digest
    const problem = await problemOfTree(store, path, digest, checked)
    if (problem) wrong(path, problem)
    else trees.add(digest)
  }
  const wasSeen = ({ form, digest, bytes }: OutputRecord) => (form === 'folder' ? trees.has(digest) : files.get(digest)?.bytes === bytes)

  const lost: Pick<ActionRecord, 'key' | 'uses' | 'node'>[] = []
  for (const key of store.actions.keys()) {
    signal?.throwIfAborted()
    const record = store.actions.read(key)
    if (!record) wrong(at.action(key), 'the record cannot be read')
    else if (!Object.values(record.outputs).every(wasSeen) && !(await store.isWhole(record))) {
      lost.push({ key, uses: record.uses, node: record.node })
      store.objects.quarantine(at.action(key))
    }
  }
  return { objects, bytes, moved, lost }
}

async function problemOfTree(store: FileStore, path: string, digest: Digest, checked: (path: string, digest: Digest) => Promise<FileDigest | undefined>): Promise<string | undefined> {
  const { fs } = store.io
  let entries: readonly ManifestEntry[]
  try {
    entries = store.objects.entries({ kind: '', form: 'folder', digest, bytes: 0 })
  } catch {
    return 'the folder has no list of its files'
  }
  const there = new Set(filesBelow(fs, path).map(f => f.path))
  for (const entry of entries) {
    if (!there.delete(entry.path)) return `${entry.path} is missing`
    if (!(await checked(join(path, entry.path), entry.digest))) return `${entry.path} has been changed`
  }
  const [extra] = there
  return extra === undefined ? undefined : `${extra} has been added`
}

/** What the store wrote below `objects/`, by name; what a program that shows folders left there is none of it. */
export function allObjects({ io: { fs }, at }: FileStore): { path: string; name: string }[] {
  const found: { path: string; name: string }[] = []
  for (const shard of namesIn(fs, at.objects).sort()) {
    for (const name of namesIn(fs, join(at.objects, shard)).sort()) if (objectName.test(name)) found.push({ path: join(at.objects, shard, name), name })
  }
  return found
}
