import type { JsonObject } from '../artifacts/types.js'
import type { Event, Failure } from '../events/event.js'
import type { RequestInput } from '../plan/types.js'

/** Everything that a stage needs to run, as pure JSON: the same for the local child and for a job on a cluster. */
export interface StageRequest {
  readonly plugin: { readonly name: string; readonly module: string }
  /** Other plugins whose services the stage asks for. */
  readonly providers: readonly { readonly name: string; readonly module: string }[]
  readonly uses: string
  readonly node: string
  readonly params: JsonObject
  readonly inputs: Readonly<Record<string, readonly RequestInput[]>>
  /** Ports that take many, so that one member is still a list. */
  readonly manyInputs: readonly string[]
  readonly outputs: Readonly<Record<string, { readonly kind: string; readonly form: 'file' | 'folder'; readonly path: string; readonly optional: boolean }>>
  readonly seed: number
  readonly threads: number
  readonly backend?: string
  readonly env: Readonly<Record<string, string>>
  readonly projectRoot: string
  readonly scratch: string
  /** Of a stage with `extends`. */
  readonly prior?: readonly { readonly params: JsonObject; readonly path: string }[]
  readonly keep?: string
  readonly memoRoot: string
  /** What the row memo is kept under; without it nothing is kept. */
  readonly memoDigest: string | undefined
}

/** What a running stage tells: the events that the engine then dates and signs with the run and the stage. */
export type StageEvent = DistributiveOmit<Extract<Event, { type: 'progress' | 'metric' | 'sample' | 'log' }>, 'at' | 'run' | 'stage'>

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

export type StageResult =
  | { readonly ok: true; readonly metrics: Readonly<Record<string, number>> }
  | { readonly ok: false; readonly failure: Omit<Failure, 'diagnostic'> & { readonly param?: string } }
