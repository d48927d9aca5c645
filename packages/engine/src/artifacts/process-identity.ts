import { hostname } from 'node:os'
import type { StoreIo } from './io.js'
import { codeOf } from './store-error.js'

/** A process, so that another one that gets its pid later is not taken for it. */
export interface ProcessIdentity {
  readonly pid: number
  readonly host: string
  /** In clock ticks since boot; null where the system does not tell. */
  readonly start: string | null
  readonly boot: string | null
  /** Processes of two containers may share a pid. */
  readonly pidNamespace: string | null
}

// It stays what it is, and a lock a stage would ask the system four times for it.
const own = new WeakMap<StoreIo, ProcessIdentity>()

export function thisProcess(io: StoreIo): ProcessIdentity {
  const known = own.get(io) ?? { pid: process.pid, host: hostname(), start: startOf(io, process.pid), boot: bootId(io), pidNamespace: pidNamespace(io) }
  own.set(io, known)
  return known
}

/** One that this process has started. */
export const identityOf = (io: StoreIo, pid: number): ProcessIdentity => ({ ...thisProcess(io), pid, start: startOf(io, pid) })

/** Undefined where that cannot be seen from here: on another host, or in another container. */
export function isAlive(io: StoreIo, { pid, host, start, boot, pidNamespace }: ProcessIdentity): boolean | undefined {
  const me = thisProcess(io)
  if (host !== me.host || pidNamespace !== me.pidNamespace) return undefined
  return boot === me.boot && isRunning(pid) && (start === null || startOf(io, pid) === start)
}

export function isRunning(pid: number): boolean {
  if (pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/** Whether a process of the group still runs; one that has ended and waits to be asked after does not. */
export function isGroupRunning(io: StoreIo, group: number): boolean {
  try {
    process.kill(-group, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
  }
  const stats = pids(io).map(pid => statOf(io, pid))
  return stats.length === 0 || stats.some(stat => stat !== undefined && stat[2] === String(group) && stat[0] !== 'Z' && stat[0] !== 'X')
}

function pids(io: StoreIo): readonly string[] {
  try {
    return io.fs.readdirSync('/proc').filter(name => /^\d+$/.test(name))
  } catch {
    return []
  }
}

/** What /proc says after the command's name, which may hold spaces and brackets: its state, its parent, its group, and so on. */
function statOf(io: StoreIo, pid: number | string): readonly string[] | undefined {
  const stat = readText(io, `/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

const startOf = (io: StoreIo, pid: number): string | null => statOf(io, pid)?.[19] ?? null

const bootId = (io: StoreIo): string | null => readText(io, '/proc/sys/kernel/random/boot_id')?.trim() ?? null

function pidNamespace(io: StoreIo): string | null {
  try {
    return io.fs.readlinkSync('/proc/self/ns/pid')
  } catch {
    return null
  }
}

function readText(io: StoreIo, path: string): string | undefined {
  try {
    return io.fs.readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
