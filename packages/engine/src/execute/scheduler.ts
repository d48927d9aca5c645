import { readdirSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'

/** What a machine has, or a stage takes of it. `memory` in bytes. */
export interface Machine {
  readonly cpus: number
  readonly memory: number
  readonly gpus: number
}

/** This machine. Memory that other programs need is not counted off: a stage's figure is a wish, not a limit. */
export function thisMachine(): Machine {
  return { cpus: availableParallelism(), memory: totalmem(), gpus: countGpus() }
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

/** A share of the machine. `gpus` are the numbers of the devices. */
export interface Share {
  readonly gpus: readonly number[]
  release(): void
}

interface Waiting {
  readonly wish: Machine
  /** How many that came later were let by. */
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
  #queue: Waiting[] = []
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
        passedBy: 0,
        grant: share => {
          signal.removeEventListener('abort', onAbort)
          resolve(share)
        },
      }
      const onAbort = () => {
        this.#queue = this.#queue.filter(w => w !== waiting)
        reject(signal.reason as Error)
        this.#pump()
      }
      signal.addEventListener('abort', onAbort, { once: true })
      if (this.#random) this.#queue.splice(Math.floor(this.#random() * (this.#queue.length + 1)), 0, waiting)
      else this.#queue.push(waiting)
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

  #grantWhatFits(): void {
    const left: Waiting[] = []
    let isBlocked = false
    for (const [i, waiting] of this.#queue.entries()) {
      if (isBlocked || !this.#fits(waiting.wish)) {
        left.push(waiting)
        if (waiting.passedBy >= mostPassedBy) isBlocked = true
        continue
      }
      for (const earlier of left) earlier.passedBy++
      waiting.grant(this.#take(waiting.wish))
      if (this.#free.jobs === 0) {
        left.push(...this.#queue.slice(i + 1))
        break
      }
    }
    this.#queue = left
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
