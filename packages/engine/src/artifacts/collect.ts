import { join } from 'node:path'
import { isDigest } from './digest.js'
import { keptStates } from './kept-states.js'
import { holderOf } from './lock.js'
import { readRuns, type RunSummary } from './run-keys.js'
import type { FileStore } from './store.js'
import type { Digest } from './types.js'
import { allObjects } from './verify.js'
import { namesIn, removeTree } from './walk.js'

const hourMs = 3_600_000
const weekMs = 7 * 24 * hourMs

export interface CollectOptions {
  /** How many of the newest runs keep their results. */
  readonly keep: number
  readonly dryRun?: boolean
}

export interface CollectReport {
  readonly records: number
  readonly objects: number
  /** Of objects alone: what the disk has more of afterwards. */
  readonly bytes: number
  readonly keptRuns: readonly string[]
}

/**
 * Removes what no kept run needs. Kept are the results of the last successful run of each pipeline, of the `keep` newest runs, of pinned runs and of
 * runs that may still be going on, and whatever was touched in the last hour. A resumable stage's scratch stays for a week, and the row memo of code
 * that was not used for a month goes.
 */
export function collectGarbage(store: FileStore, { keep, dryRun = false }: CollectOptions): CollectReport {
  const { io, at } = store
  const { fs } = io
  const now = io.nowMs()
  const ageMs = (path: string): number => {
    const stat = fs.lstatSync(path, { throwIfNoEntry: false })
    return stat ? now - Math.max(stat.mtimeMs, stat.ctimeMs) : 0
  }
  const remove = (path: string) => {
    if (!dryRun) removeTree(fs, path)
  }

  const runs = keptRuns(store, keep, now)
  const liveKeys = new Set(runs.flatMap(run => [...run.keys]))
  const liveObjects = new Set<string>()
  const keptKeys = new Set<string>()
  let records = 0
  for (const key of store.actions.keys()) {
    const record = store.actions.read(key)
    const isLive = liveKeys.has(key) || ageMs(at.action(key)) < hourMs || isLocked(store, key)
    if (!isLive) {
      records++
      if (!dryRun && record) store.actions.remove(record)
      else remove(at.action(key))
      continue
    }
    keptKeys.add(key)
    for (const output of Object.values(record?.outputs ?? {})) {
      if (output.form === 'file') liveObjects.add(output.digest)
      else for (const name of namesOfFolder(store, output.digest)) liveObjects.add(name)
    }
  }

  // What a stage kept lives as long as its result.
  for (const family of namesIn(fs, at.states).filter(isDigest)) {
    for (const kept of keptStates(io, store.root, family)) {
      if (!keptKeys.has(kept.key)) remove(join(at.states, family, `${kept.key}.json`))
      else for (const name of namesOfFolder(store, kept.state.digest)) liveObjects.add(name)
    }
    if (!dryRun && namesIn(fs, join(at.states, family)).length === 0) remove(join(at.states, family))
  }

  // What is young may belong to a record that is not written yet, and a young folder needs its files.
  const all = allObjects(store)
  for (const { path, name } of all) {
    if (liveObjects.has(name) || ageMs(path) >= hourMs) continue
    const digest = name.slice(0, 64) as Digest
    for (const other of name.length > 64 ? namesOfFolder(store, digest) : [name]) liveObjects.add(other)
  }
  let [objects, bytes] = [0, 0]
  // Folders first: their files are links to the same bytes.
  for (const { path, name } of all.sort((a, b) => b.name.length - a.name.length)) {
    if (liveObjects.has(name)) continue
    if (name.length === 64) bytes += fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0
    objects++
    remove(path)
  }

  for (const name of namesIn(fs, at.work)) {
    if (isDigest(name) && isLocked(store, name)) continue
    const work = join(at.work, name)
    for (const part of namesIn(fs, work)) if (ageMs(join(work, part)) > (part === 'scratch' ? weekMs : hourMs)) remove(join(work, part))
    if (!dryRun && namesIn(fs, work).length === 0) remove(work)
  }
  for (const name of namesIn(fs, at.temporary)) if (ageMs(join(at.temporary, name)) > hourMs) remove(join(at.temporary, name))
  for (const name of namesIn(fs, at.quarantine)) if (ageMs(join(at.quarantine, name)) > weekMs) remove(join(at.quarantine, name))
  for (const name of namesIn(fs, at.probes)) if (ageMs(join(at.probes, name)) > 30 * 24 * hourMs) remove(join(at.probes, name))
  for (const name of namesIn(fs, at.memo)) if (ageMs(join(at.memo, name)) > 30 * 24 * hourMs) remove(join(at.memo, name))
  return { records, objects, bytes, keptRuns: runs.map(run => run.id) }
}

/** Marks a run so that gc keeps its results, or takes the mark away. False when there is no such run. */
export function pinRun(store: FileStore, run: string, isPinned: boolean): boolean {
  const dir = join(store.at.runs, run)
  if (run.includes('/') || run.includes('\\') || !store.io.fs.existsSync(dir)) return false
  if (isPinned) store.io.fs.writeFileSync(join(dir, 'pinned'), '')
  else store.io.fs.rmSync(join(dir, 'pinned'), { force: true })
  return true
}

function keptRuns(store: FileStore, keep: number, now: number): RunSummary[] {
  const runs = readRuns(store)
  const lastGood = new Set<string>()
  return runs.filter((run, place) => {
    const isLastGood = run.status === 'succeeded' && !lastGood.has(run.pipeline)
    if (isLastGood) lastGood.add(run.pipeline)
    return isLastGood || place < keep || run.isPinned || (run.status === undefined && now - run.touchedMs < weekMs)
  })
}

const isLocked = (store: FileStore, key: Digest): boolean => holderOf(store.io, store.at.lock(key), store.at.fresh) !== undefined

function namesOfFolder(store: FileStore, digest: Digest): string[] {
  const own = [`${digest}.manifest`, `${digest}.tree`]
  try {
    return [...own, ...store.objects.entries({ kind: '', form: 'folder', digest, bytes: 0 }).map(e => e.digest)]
  } catch {
    return own
  }
}
