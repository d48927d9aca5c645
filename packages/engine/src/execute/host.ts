import type { Failure } from '../events/event.js'
import type { StageEvent, StageRequest, StageResult } from './request.js'

/** One try of a stage, as an executor gets it. */
export interface Attempt {
  readonly request: StageRequest
  /** Pure JavaScript: may run in a thread of this process. */
  readonly light: boolean
  readonly env: Readonly<Record<string, string>>
  /** Gets a process of its own, which is not used again: what is visible of the devices is settled when it starts. */
  readonly fresh?: boolean
  readonly timeoutMs?: number
  /** Asks the stage to stop and save; what has not ended after the grace is ended. */
  readonly cancel: AbortSignal
  /** Ends it at once. */
  readonly kill: AbortSignal
  /** Told of a process of its own that it gets, before it begins there. */
  onProcess?(pid: number): void
  onEvent(event: StageEvent): void
  onOutput(stream: 'stdout' | 'stderr', text: string): void
}

/** Where stages run. The local one is children and threads; another may send the request elsewhere. */
export interface Executor {
  /** Never throws: what goes wrong is a failure of the stage. Done only when nothing of the attempt runs any more. */
  run(attempt: Attempt): Promise<StageResult>
  close(): Promise<void>
}

/** An executor that is made when the first stage runs. */
export function lazyExecutor(make: () => Promise<Executor>): Executor {
  let made: Promise<Executor> | undefined
  return {
    run: async attempt => (await (made ??= make())).run(attempt),
    // One that could not be made has failed the stages that asked for it.
    close: async () => (await made?.catch(() => undefined))?.close(),
  }
}

/** Times to wait before a stage that should end is ended by force, in milliseconds. */
export interface Patience {
  /** From the cancel message to TERM: for saving a checkpoint. */
  readonly cancelMs: number
  /** From TERM to KILL. */
  readonly termMs: number
}
export const patience: Patience = { cancelMs: 60_000, termMs: 10_000 }
/** A light stage is short: it gets a moment to see its signal, in milliseconds. */
export const lightCancelMs = 2000

/** About 25 days. A timer that is set for longer goes off at once. */
export const longestTimerMs = 2 ** 31 - 1

export const failed = (failure: Omit<Failure, 'diagnostic'>): StageResult => ({ ok: false, failure })

export function timedOut(timeoutMs: number): StageResult {
  return failed({ reason: 'timeout', message: `took longer than its timeout of ${duration(timeoutMs)}`, hint: 'Raise "timeout" of the stage.', final: false })
}

export function duration(ms: number): string {
  if (ms < 1000) return `${ms} ms`
  if (ms < 120_000) return `${Math.round(ms / 100) / 10} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 360_000) / 10} h`
}
