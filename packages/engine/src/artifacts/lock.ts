import { dirname } from 'node:path'
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StoreIo } from './io.js'
import { isAlive, thisProcess, type ProcessIdentity } from './process-identity.js'
import { codeOf } from './store-error.js'
import type { LockHolder } from './types.js'
import { removeFile } from './walk.js'

const silentAfterMs = 5 * 60_000
const heartbeatMs = 60_000

interface LockFile extends LockHolder, ProcessIdentity {
  readonly id: string
}

export interface LockOptions {
  readonly signal: AbortSignal
  readonly node?: string
  readonly onWait?: (holder: LockHolder) => void
}

/**
 * Takes the lock file at `path`, waiting while a living process holds it. Nobody has to unlock by hand: on this host a holder whose pid, start
 * time or boot id is gone holds nothing; one of another host is gone after five minutes without a heartbeat. Locks only save work. The folders of
 * `path` and of what `fresh` names must be there.
 */
export async function takeLock(io: StoreIo, path: string, fresh: () => string, options: LockOptions): Promise<{ release(): Promise<void> }> {
  const { fs } = io
  const own = fresh()
  const me: LockFile = { ...thisProcess(io), id: randomUUID(), since: new Date(io.nowMs()).toISOString(), ...(options.node === undefined ? {} : { node: options.node }) }
  try {
    let hasSaidWhom = false
    for (let waitMs = 20; ; waitMs = Math.min(500, waitMs * 1.5)) {
      options.signal.throwIfAborted()
      fs.writeFileSync(own, JSON.stringify(me))
      if (publishNew(io, own, path)) break
      const holder = read(io, path)
      if (holder === undefined) continue
      if (isGone(io, path, holder, own)) {
        breakLock(io, path, holder, fresh())
        continue
      }
      if (!hasSaidWhom) options.onWait?.(publicPart(holder))
      hasSaidWhom = true
      await sleep(waitMs, undefined, { signal: options.signal })
    }
  } finally {
    removeFile(fs, own)
  }
  // The file server's clock stamps it, so that clocks of two hosts need not agree.
  const heart = setInterval(() => {
    try {
      if (read(io, path)?.id === me.id) beat(io, path)
    } catch {
      // Without heartbeat another host may do the work twice; the first record wins.
    }
  }, heartbeatMs)
  heart.unref()
  return {
    async release() {
      clearInterval(heart)
      if (read(io, path)?.id === me.id) removeFile(fs, path)
    },
  }
}

/** Who holds a lock, for who waits for it. A run may wait for itself: two of its nodes that make the same. */
export const holderName = ({ pid, host, node }: LockHolder): string =>
  node !== undefined && pid === process.pid && host === hostname() ? node : `process ${pid} on ${host}${node === undefined ? '' : ` (${node})`}`

/** Writes the first byte again: that moves the mtime, and no reader ever sees half a file. */
function beat(io: StoreIo, path: string): void {
  const fd = io.fs.openSync(path, 'r+')
  try {
    io.fs.writeSync(fd, '{', 0)
  } finally {
    io.fs.closeSync(fd)
  }
}

/** The living holder of a lock, if there is one; for gc. */
export function holderOf(io: StoreIo, path: string, fresh: () => string): LockHolder | undefined {
  const holder = read(io, path)
  if (!holder) return undefined
  const alive = isAlive(io, holder)
  if (alive !== undefined) return alive ? publicPart(holder) : undefined
  const probe = fresh()
  try {
    io.fs.mkdirSync(dirname(probe), { recursive: true })
    io.fs.writeFileSync(probe, '')
    return isGone(io, path, holder, probe) ? undefined : publicPart(holder)
  } finally {
    io.fs.rmSync(probe, { force: true })
  }
}

/** Links the finished file to its place; false if something stands there already. */
export function publishNew(io: StoreIo, from: string, to: string): boolean {
  const { fs } = io
  try {
    fs.linkSync(from, to)
    return true
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) throw error
  }
  // A file system without hard links: `wx` decides who is first, the rename puts whole content there.
  try {
    fs.closeSync(fs.openSync(to, 'wx'))
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
  fs.copyFileSync(from, `${from}-copy`)
  fs.renameSync(`${from}-copy`, to)
  return true
}

/** `probe` was written just now, so that its mtime is the file server's clock. */
function isGone(io: StoreIo, path: string, holder: LockFile, probe: string): boolean {
  const alive = isAlive(io, holder)
  if (alive !== undefined) return !alive
  const beat = io.fs.statSync(path, { throwIfNoEntry: false })
  return beat !== undefined && io.fs.statSync(probe).mtimeMs - beat.mtimeMs > silentAfterMs
}

/** Takes a dead holder's file away, and puts it back if it was somebody else's by then. */
function breakLock(io: StoreIo, path: string, dead: LockFile, aside: string): void {
  try {
    io.fs.renameSync(path, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  if (read(io, aside)?.id !== dead.id) publishNew(io, aside, path)
  io.fs.rmSync(aside, { force: true })
}

function read(io: StoreIo, path: string): LockFile | undefined {
  let text: string
  try {
    text = io.fs.readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  const holder = parsed(text)
  if (typeof holder?.pid === 'number' && typeof holder.id === 'string' && typeof holder.host === 'string') return holder
  // Left half-written by a kill on a file system without links, or damaged: it belongs to nobody.
  return { ...thisProcess(io), pid: -1, start: null, id: '', since: '' }
}

function parsed(text: string): LockFile | null {
  try {
    return JSON.parse(text) as LockFile | null
  } catch {
    return null
  }
}

const publicPart = ({ pid, host, since, node }: LockFile): LockHolder => ({ pid, host, since, ...(node === undefined ? {} : { node }) })
