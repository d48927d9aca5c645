import { readdirSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'

/** What a machine has, or a stage takes of it. `memory` in bytes. */
export interface Machine {
  readonly cpus: number
  readonly memory: number
  readonly gpus: number
}

/** This machine. Memory that other programs need is not counted off: a stage's figure is a wish, not a limit. */
export function thisMachine(env: Readonly<Record<string, string | undefined>> = process.env): Machine {
  return { cpus: availableParallelism(), memory: totalmem(), gpus: visibleGpus(env)?.length ?? countGpus() }
}

/** The devices that CUDA_VISIBLE_DEVICES leaves to programs, by number or UUID; undefined where it is not set. As CUDA reads it, what it does not know ends the list: -1 means none. */
export function visibleGpus(env: Readonly<Record<string, string | undefined>>): readonly string[] | undefined {
  const listed = env['CUDA_VISIBLE_DEVICES']?.split(',').map(name => name.trim())
  const end = listed?.findIndex(name => !/^(\d+|(GPU|MIG)-.+)$/.test(name)) ?? -1
  return end < 0 ? listed : listed?.slice(0, end)
}

function countGpus(): number {
  try {
    return readdirSync('/dev').filter(name => /^nvidia\d+$/.test(name)).length
  } catch {
    return 0
  }
}

export interface SchedulerOptions {
  readonly machine: Machine
  /** No more than so many at once, whatever they take. */
  readonly jobs?: number
  /** Shuffles the order of what is ready: a test finds missing edges by it. */
  readonly seed?: number
}

/** A share of the machine. `gpus` are the numbers of the devices among those that are visible. */
export interface Share {
  readonly gpus: readonly number[]
  release(): void
}

interface Waiting {
  readonly wish: Machine
  /** Who came when. */
  readonly order: number
  isCalledOff: boolean
  /** How many that came later were let by while it was the first of its line. */
  passedBy: number
  grant(share: Share): void
}

const mostPassedBy = 16

/**
 * Hands out shares so that their sum never exceeds the machine, first come first served; a smaller one may go before a larger one that does not fit
 * yet, but only so often: then everything behind waits until the larger one has its turn.
 */
export class Scheduler {
  readonly #machine: Machine
  readonly #jobs: number
  readonly #random: (() => number) | undefined
  readonly #free: { cpus: number; memory: number; gpus: number[]; jobs: number }
  /** Those that ask for the same stand in one line: only its first can be next, so that a hundred thousand that wait are not walked each time. */
  readonly #lines = new Map<string, Line>()
  readonly #listeners = new WeakMap<AbortSignal, Set<() => void>>()
  #came = 0
  #isPumping = false

  constructor({ machine, jobs, seed }: SchedulerOptions) {
    this.#machine = machine
    this.#jobs = Math.max(1, jobs ?? Infinity)
    this.#random = seed === undefined ? undefined : mulberry32(seed)
    this.#free = { cpus: machine.cpus, memory: machine.memory, gpus: Array.from({ length: machine.gpus }, (_, i) => i), jobs: this.#jobs }
  }

  /** What a stage gets of its wish: no more than there is. A stage that wants more cores or memory runs alone. */
  fit(wish: Machine): Machine {
    return { cpus: Math.min(wish.cpus, this.#machine.cpus), memory: Math.min(wish.memory, this.#machine.memory), gpus: wish.gpus }
  }

  canEverRun(wish: Machine): boolean {
    return wish.gpus <= this.#machine.gpus
  }

  /** Waits for a share. Rejects with the signal's reason when it is aborted first. */
  acquire(wish: Machine, signal: AbortSignal): Promise<Share> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error)
      const waiting: Waiting = {
        wish: this.fit(wish),
        order: this.#random ? this.#random() : this.#came++,
        isCalledOff: false,
        passedBy: 0,
        grant: share => {
          listeners.delete(onAbort)
          resolve(share)
        },
      }
      const onAbort = () => {
        waiting.isCalledOff = true
        reject(signal.reason as Error)
        this.#pump()
      }
      const listeners = this.#listenersTo(signal)
      listeners.add(onAbort)
      this.#enqueue(waiting)
      this.#pump()
    })
  }

  /** Deferred by a turn, so that all that became ready at once is in the queue. */
  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    queueMicrotask(() => {
      this.#isPumping = false
      this.#grantWhatFits()
    })
  }

  /** One listener of the signal for all that wait: a signal looks through all of its own for each that comes or goes. */
  #listenersTo(signal: AbortSignal): Set<() => void> {
    const known = this.#listeners.get(signal)
    if (known) return known
    const listeners = new Set<() => void>()
    this.#listeners.set(signal, listeners)
    signal.addEventListener('abort', () => { for (const listener of listeners) listener() }, { once: true })
    return listeners
  }

  #enqueue(waiting: Waiting): void {
    const { cpus, memory, gpus } = waiting.wish
    const name = `${cpus} ${memory} ${gpus}`
    const line = this.#lines.get(name) ?? new Line()
    this.#lines.set(name, line)
    line.join(waiting)
  }

  /** The first of each line, in the order in which they came. */
  #firsts(): { readonly line: Line; readonly waiting: Waiting }[] {
    const firsts: { line: Line; waiting: Waiting }[] = []
    for (const [name, line] of this.#lines) {
      const waiting = line.first
      if (waiting) firsts.push({ line, waiting })
      else this.#lines.delete(name)
    }
    return firsts.sort((a, b) => a.waiting.order - b.waiting.order)
  }

  #grantWhatFits(): void {
    while (this.#free.jobs > 0) {
      const passed: Waiting[] = []
      let next: { readonly line: Line; readonly waiting: Waiting } | undefined
      for (const first of this.#firsts()) {
        if (this.#fits(first.waiting.wish)) {
          next = first
          break
        }
        if (first.waiting.passedBy >= mostPassedBy) return
        passed.push(first.waiting)
      }
      if (!next) return
      for (const earlier of passed) earlier.passedBy++
      next.line.leave()
      next.waiting.grant(this.#take(next.waiting.wish))
    }
  }

  #fits(wish: Machine): boolean {
    const free = this.#free
    return free.jobs >= 1 && wish.cpus <= free.cpus + 1e-9 && wish.memory <= free.memory && wish.gpus <= free.gpus.length
  }

  #take({ cpus, memory, gpus }: Machine): Share {
    const free = this.#free
    free.cpus -= cpus
    free.memory -= memory
    free.jobs -= 1
    const devices = free.gpus.splice(0, gpus)
    let isHeld = true
    return {
      gpus: devices,
      release: () => {
        if (!isHeld) return
        isHeld = false
        free.cpus += cpus
        free.memory += memory
        free.jobs += 1
        free.gpus.push(...devices)
        free.gpus.sort((a, b) => a - b)
        this.#pump()
      },
    }
  }
}

/** Those that wait for the same, in their order. */
class Line {
  #waiting: Waiting[] = []
  #left = 0

  join(waiting: Waiting): void {
    let at = this.#waiting.length
    // Out of order only where a test shuffles.
    while (at > this.#left && this.#waiting[at - 1]!.order > waiting.order) at--
    this.#waiting.splice(at, 0, waiting)
  }

  get first(): Waiting | undefined {
    while (this.#waiting[this.#left]?.isCalledOff) this.leave()
    return this.#waiting[this.#left]
  }

  leave(): void {
    this.#left++
    if (this.#left < 1000 || this.#left * 2 < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#left)
    this.#left = 0
  }
}

/** So many may be inside at once; the others wait at the door, first come first served. */
export class Door {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(places: number) {
    this.#free = places
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>(enter => this.#waiting.push(enter))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }
}

/** A small seeded generator of numbers in [0, 1): Tommy Ettinger's mulberry32. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
