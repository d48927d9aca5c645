import { constants } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { realIo } from '../artifacts/io.js'
import { takeLock, type LockOptions } from '../artifacts/lock.js'
import type { ArtifactStore, Digest, OutputRecord } from '../artifacts/types.js'
import { filesOfFolder } from '../plan/outside-folder.js'
import type { KindDefinition } from '../plugin/define.js'

/** Path of a published file relative to the project root, with `/` → what was written there; two digests while one replaces the other. */
export type Published = Record<string, readonly string[]>

/** What stands in the way of a publication. */
export class PublishRefused extends Error {
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

let writing: Promise<unknown> = Promise.resolve()

/**
 * Copies an artifact to a path of the project, by reference where the file system can. Files that are there as they should be are left alone;
 * one that this did not write, or that was changed since, is never overwritten: then nothing is written at all and PublishRefused is thrown.
 * Answers whether anything was written. `waiting`: for another run that publishes into the same project.
 */
export function publish(store: ArtifactStore, projectRoot: string, output: OutputRecord, path: string, waiting: LockOptions): Promise<boolean> {
  const mine = writing.then(() => publishOne(store, projectRoot, output, path, waiting))
  writing = mine.catch(() => {})
  return mine
}

async function publishOne(store: ArtifactStore, projectRoot: string, output: OutputRecord, path: string, waiting: LockOptions): Promise<boolean> {
  const base = path.replace(/^\.\//, '').replace(/\/+$/, '')
  // Where nothing is to be done nothing is written either, no lock: the project may be read-only.
  if (isDone(await compare(store, projectRoot, output, base))) return false
  const folder = join(projectRoot, '.hone')
  await mkdir(join(folder, 'tmp'), { recursive: true })
  // What one process enters into the ledger must not be lost to another, which has read it before. Held for as long as a copy takes.
  const lock = await takeLock(realIo, join(folder, 'published.lock'), () => join(folder, 'tmp', `published-${randomUUID()}`), waiting)
  try {
    const work = await compare(store, projectRoot, output, base)
    return isDone(work) ? false : await carryOut(work, projectRoot)
  } finally {
    await lock.release()
  }
}

interface Work {
  readonly known: Published
  readonly wanted: ReadonlyMap<string, { readonly digest: Digest; readonly from: string }>
  /** As they should be, and not in the ledger as such. */
  readonly adopted: readonly string[]
  readonly copies: readonly { readonly name: string; readonly digest: Digest; readonly from: string }[]
  /** In the ledger and no longer part of what is published; of these, the files that are still as this wrote them. */
  readonly gone: readonly string[]
  readonly removals: readonly string[]
}

const isDone = ({ copies, gone, adopted }: Work): boolean => copies.length + gone.length + adopted.length === 0
const ledgerOf = (projectRoot: string): string => join(projectRoot, '.hone', 'published.json')

/** What has to be written so that `base` is the artifact; throws PublishRefused. */
async function compare(store: ArtifactStore, projectRoot: string, output: OutputRecord, base: string, given?: Published): Promise<Work> {
  const known = given ?? (await readPublished(projectRoot))
  const wanted = new Map<string, { digest: Digest; from: string }>()
  const source = store.pathOf(output)
  for (const entry of await store.entries(output)) {
    const inside = output.form === 'file' ? '' : entry.path
    wanted.set(inside === '' ? base : `${base}/${inside}`, { digest: entry.digest, from: inside === '' ? source : join(source, inside) })
  }

  const target = await lstat(resolve(projectRoot, base)).catch(() => undefined)
  const isOurs = Object.keys(known).some(k => k.startsWith(`${base}/`))
  const blocks = target && (output.form === 'file' ? target.isDirectory() && !isOurs : !target.isDirectory())
  if (blocks) throw refused(base)

  const adopted: string[] = []
  const copies: Work['copies'][number][] = []
  for (const [name, { digest, from }] of wanted) {
    const there = await digestAt(store, resolve(projectRoot, name))
    if (there === digest && known[name]?.[0] === digest) continue
    if (there === digest) adopted.push(name)
    else if (there === undefined || known[name]?.includes(there)) copies.push({ name, digest, from })
    else throw refused(name)
  }
  const gone = Object.keys(known).filter(name => (name === base || name.startsWith(`${base}/`)) && !wanted.has(name))
  const removals: string[] = []
  for (const name of gone) {
    const there = await digestAt(store, resolve(projectRoot, name))
    if (there !== undefined && known[name]!.includes(there)) removals.push(name)
  }
  return { known, wanted, adopted, copies, gone, removals }
}

export const readPublished = (projectRoot: string): Promise<Published> => readFile(ledgerOf(projectRoot), 'utf8').then(t => JSON.parse(t) as Published, () => ({}))

/** `isSure`: whatever is made. Else what is there may be the same, and is taken over then. */
export interface Refusal {
  readonly message: string
  readonly isSure: boolean
}

/**
 * What will keep an artifact from being published, as far as it can be said before there is one: its names are not known then but for that of a
 * file and those of the files that its kind looks for. With `output`, exactly that.
 */
export async function publishRefusal(store: ArtifactStore, projectRoot: string, kind: KindDefinition, path: string, known: Published, output?: OutputRecord): Promise<Refusal | undefined> {
  const base = path.replace(/\/+$/, '')
  for (let folder = dirname(base); folder !== '.'; folder = dirname(folder)) {
    const above = await stat(resolve(projectRoot, folder)).catch(() => undefined)
    if (above && !above.isDirectory() && !(folder in known)) return { message: `cannot publish to ${base}: ${folder} is a file, and a folder should be there`, isSure: true }
  }
  if (output) return compare(store, projectRoot, output, base, known).then(() => undefined, e => (e instanceof PublishRefused ? { message: e.message, isSure: true } : undefined))
  const target = await lstat(resolve(projectRoot, base)).catch(() => undefined)
  if (!target) return undefined
  const isKnown = async (name: string) => known[name]?.includes((await digestAt(store, resolve(projectRoot, name)))!) === true
  if (kind.form === 'file') return (await isKnown(base)) ? undefined : { message: refused(base).message, isSure: target.isDirectory() }
  if (!target.isDirectory()) return { message: refused(base).message, isSure: true }
  if (!kind.files || Object.keys(known).some(name => name.startsWith(`${base}/`))) return undefined
  const [foreign] = kind.files(filesOfFolder(resolve(projectRoot, base)), undefined)
  return foreign === undefined ? undefined : { message: refused(`${base}/${foreign}`).message, isSure: false }
}

/** Answers whether any file was written or removed. */
async function carryOut({ known, wanted, copies, gone, removals }: Work, projectRoot: string): Promise<boolean> {
  const ledger = ledgerOf(projectRoot)
  // What is about to be written stands in the ledger first: after a kill the next run still knows it as its own.
  for (const { name, digest } of copies) known[name] = [digest, ...(known[name] ?? [])]
  await writeLedger(ledger, known)
  for (const name of removals) {
    await rm(resolve(projectRoot, name), { force: true })
    await removeEmptyParents(projectRoot, name)
  }
  for (const { name, from } of copies) await copyTo(from, resolve(projectRoot, name))
  for (const name of gone) delete known[name]
  for (const [name, { digest }] of wanted) known[name] = [digest]
  await writeLedger(ledger, known)
  return copies.length > 0 || removals.length > 0
}

async function copyTo(from: string, to: string) {
  await mkdir(dirname(to), { recursive: true })
  // Not behind its own name, which may be as long as the file system lets one be.
  const fresh = join(dirname(to), `.hone-${randomUUID()}.tmp`)
  try {
    await copyFile(from, fresh, constants.COPYFILE_FICLONE)
    // Objects of the store are read-only; a published file belongs to the user.
    await chmod(fresh, 0o644)
    await rename(fresh, to)
  } finally {
    await rm(fresh, { force: true })
  }
}

const refused = (name: string) =>
  new PublishRefused(`cannot publish to ${name}: what is there was not written by hone, or was changed since`, `Move ${name} away, or publish to another path; the result itself is kept in the store.`)

async function digestAt(store: ArtifactStore, path: string): Promise<string | undefined> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return undefined
  return found.isFile() ? (await store.digestFile(path)).digest : 'no file'
}

async function writeLedger(ledger: string, known: Published) {
  await mkdir(dirname(ledger), { recursive: true })
  const fresh = `${ledger}.${randomUUID()}`
  await writeFile(fresh, JSON.stringify(Object.fromEntries(Object.entries(known).sort(([a], [b]) => (a < b ? -1 : 1))), null, 1) + '\n')
  await rename(fresh, ledger)
}

async function removeEmptyParents(projectRoot: string, name: string) {
  for (let dir = dirname(name); dir !== '.' && dir !== '/'; dir = dirname(dir)) {
    try {
      await rmdir(resolve(projectRoot, dir))
    } catch {
      return
    }
  }
}
