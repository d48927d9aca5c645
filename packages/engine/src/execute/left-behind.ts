import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { realIo } from '../artifacts/io.js'
import { identityOf, isAlive, isGroupRunning, isRunning, thisProcess, type ProcessIdentity } from '../artifacts/process-identity.js'

/** Of the process in which a stage runs, beside its scratch. */
interface Noted {
  readonly process: ProcessIdentity
  readonly startedBy: ProcessIdentity
}

const fileIn = (work: string) => join(work, 'process.json')

/** Notes the process of a stage before it begins, so that one that outlives its run is known to the next. */
export function noteProcess(work: string, pid: number): void {
  writeFileSync(fileIn(work), JSON.stringify({ process: identityOf(realIo, pid), startedBy: thisProcess(realIo) } satisfies Noted))
}

const toldAfterMs = 1000
/** Where the system does not tell one process from a later one of its pid, none is ended: it sees by itself that its run is gone. */
const ownEndMs = 2000

/**
 * Ends what a killed run left behind of a stage, a process and all that it started, and waits until nothing of it runs: for up to half a second
 * it could still write to the scratch that the next attempt goes on from. To be called by the holder of the lock.
 */
export async function endLeftBehind(work: string, { signal, onWait }: { readonly signal: AbortSignal; readonly onWait: (pid: number) => void }): Promise<void> {
  const noted = read(work)
  if (!noted) return
  const { process: left, startedBy } = noted
  // While its run lives it is no orphan, and one of another machine cannot be seen from here.
  if (isAlive(realIo, startedBy) !== false || isAlive(realIo, left) === undefined || left.boot !== thisProcess(realIo).boot) return
  // Its pid may be another's by now.
  if (isRunning(left.pid) && isAlive(realIo, left) === false) return
  const since = performance.now()
  for (let hasTold = false; isGroupRunning(realIo, left.pid); await sleep(10, undefined, { signal })) {
    const waitedMs = performance.now() - since
    if (left.start !== null) end(left.pid)
    else if (waitedMs > ownEndMs) return
    if (!hasTold && waitedMs > toldAfterMs) onWait(left.pid)
    hasTold ||= waitedMs > toldAfterMs
  }
}

function read(work: string): Noted | undefined {
  const file = fileIn(work)
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Noted
  } catch {
    // Its run was killed while it wrote, and then the stage had not begun.
    return undefined
  }
}

function end(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // It has ended since.
  }
}
