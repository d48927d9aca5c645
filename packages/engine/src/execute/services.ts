import type { ArtifactStore } from '../artifacts/types.js'
import { defineService } from '../plugin/define.js'
import type { Executor } from './host.js'

/** What the engine itself asks the container for; a plugin that provides one of them replaces the built-in. */
export const services = {
  /** Makes what runs stages on this machine, for one run. */
  executor: defineService<MakeExecutor>('executor'),
  /** Opens the store of a project. */
  store: defineService<OpenStore>('store'),
  clock: defineService<Clock>('clock'),
}

export type OpenStore = (options: { readonly root: string; readonly projectRoot: string }) => Promise<ArtifactStore>

export type MakeExecutor = (options: { readonly projectRoot: string }) => Executor

/** What `executor: NAME` of a stage asks for; `local`, which is also the default, is the built-in one. */
export const executorNamed = (name: string | undefined) => (name === undefined || name === 'local' ? services.executor : defineService<MakeExecutor>(`executor ${name}`))

export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number
  /** In [0, 1): for jitter and run ids, never for results. */
  random(): number
}

export const systemClock: Clock = { nowMs: () => Date.now(), random: () => Math.random() }
