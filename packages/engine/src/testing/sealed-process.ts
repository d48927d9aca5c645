import { AsyncLocalStorage } from 'node:async_hooks'
import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { sealedEnvironment } from '../execute/environment.js'
import { isOfLoader } from './write-watch.js'

/** The environment as it was, while some stage runs. */
let real: Readonly<Record<string, string | undefined>> = {}
let running = 0

function become(env: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name]
  Object.assign(process.env, env)
}

/** Runs `body` with the environment that a stage has under the engine: what the machine needs, what is declared, and no other. */
export async function inSealedEnvironment<T>(declared: Readonly<Record<string, string>>, body: () => Promise<T>): Promise<T> {
  // The zone of another day is the kit's own, and tests may run several stages at once.
  const { TZ } = process.env
  if (running++ === 0) {
    real = { ...process.env }
    become({ ...sealedEnvironment(), ...(TZ !== undefined && { TZ }), ...declared })
  } else Object.assign(process.env, declared)
  try {
    return await body()
  } finally {
    if (--running === 0) become(real)
  }
}

/** What a stage did to its process that outlives it. */
export interface Remains {
  /** Where the process was left to be, if not where it was. */
  readonly workingDirectory: string | undefined
  /** The command of each process that it started and that still ran. */
  readonly processes: readonly string[]
}

const starting = new AsyncLocalStorage<Set<ChildProcess>>()
const note = (message: unknown) => {
  const started = starting.getStore()
  if (started && !isOfLoader()) started.add((message as { process: ChildProcess }).process)
}
/** An exit that has happened is told a little later. */
const settleMs = 100

/** Runs `body`, which says by `ended` when the stage has: then what it left of processes and of the working directory is noted, and put right. */
export async function watchProcess<T>(body: (ended: () => Promise<Remains>) => Promise<T>): Promise<T> {
  const started = new Set<ChildProcess>()
  const before = process.cwd()
  const alive = () => [...started].filter(child => child.pid !== undefined && child.exitCode === null && child.signalCode === null)
  const ended = async (): Promise<Remains> => {
    const workingDirectory = process.cwd() === before ? undefined : process.cwd()
    // A thread cannot.
    if (workingDirectory !== undefined) process.chdir(before)
    if (alive().length > 0) await sleep(settleMs)
    const left = alive()
    for (const child of left) child.kill('SIGKILL')
    return { workingDirectory, processes: left.map(({ spawnargs }) => spawnargs.join(' ')) }
  }
  subscribe('child_process', note)
  try {
    return await starting.run(started, () => body(ended))
  } finally {
    unsubscribe('child_process', note)
  }
}
