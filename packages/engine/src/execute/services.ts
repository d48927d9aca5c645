import { defineService } from '../plugin/define.js'
import type { Executor } from './host.js'

/** What the engine itself asks the container for; a plugin that provides one of them replaces the built-in. */
export const services = {
  /** Makes what runs stages, for one run. */
  executor: defineService<(options: { projectRoot: string }) => Executor>('executor'),
  clock: defineService<Clock>('clock'),
}

export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number
  /** In [0, 1): for jitter and run ids, never for results. */
  random(): number
}

export const systemClock: Clock = { nowMs: () => Date.now(), random: () => Math.random() }
