import type { Digest, Json } from '../artifacts/types.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'

export type StageStatus = 'ran' | 'hit' | 'failed' | 'skipped' | 'cancelled'

/** Why a stage failed, in a form that can be printed like a diagnostic. */
export interface Failure {
  readonly reason: 'failed' | 'threw' | 'crashed' | 'timeout' | 'outputs' | 'returned-early' | 'store' | 'changed-input'
  readonly message: string
  /** What to try. */
  readonly hint?: string
  /** With the place of the cause: in the YAML where the stage named a parameter, in the plugin's own source where it threw. */
  readonly diagnostic?: Diagnostic
  readonly stack?: string
  /** The last lines of what the stage printed, and where all of it is. */
  readonly output?: { readonly tail: string; readonly file: string }
  /** `fail()` is final; a throw, a crash and a timeout may be retried. */
  readonly final: boolean
}

interface Base {
  /** ISO 8601, UTC. */
  readonly at: string
  readonly run: string
}

/** `stage` is the node's id: `tuned`, or `tuned[rank=8]`. */
export type Event = Base &
  (
    | { readonly type: 'run-started'; readonly pipeline: string; readonly file: string; readonly args: readonly string[]; readonly stages: readonly PlannedStage[]; readonly params: Json }
    | { readonly type: 'stage-waiting'; readonly stage: string; readonly for: string }
    | { readonly type: 'stage-started'; readonly stage: string; readonly uses: string; readonly attempt: number; readonly because: readonly string[]; readonly key: Digest | null }
    | { readonly type: 'stage-retry'; readonly stage: string; readonly attempt: number; readonly delayMs: number; readonly failure: Failure }
    | {
        readonly type: 'stage-finished'
        readonly stage: string
        readonly uses: string
        readonly status: StageStatus
        readonly because: readonly string[]
        readonly key: Digest | null
        readonly durationMs: number
        readonly outputs: Readonly<Record<string, { readonly digest: Digest; readonly path: string; readonly kind: string; readonly bytes: number }>>
        readonly metrics: Readonly<Record<string, number>>
        readonly failure?: Failure
      }
    | { readonly type: 'progress'; readonly stage: string; readonly done: number; readonly total?: number; readonly unit: string; readonly phase?: string }
    | { readonly type: 'metric'; readonly stage: string; readonly name: string; readonly value: number; readonly step?: number }
    | { readonly type: 'sample'; readonly stage: string; readonly step: number; readonly prompt: string; readonly reference: string; readonly prediction: string }
    | { readonly type: 'log'; readonly stage: string; readonly level: 'info' | 'warn' | 'error'; readonly message: string }
    | { readonly type: 'output'; readonly stage: string; readonly stream: 'stdout' | 'stderr'; readonly text: string }
    | { readonly type: 'nondeterministic'; readonly stage: string; readonly port: string; readonly before: Digest; readonly after: Digest }
    | { readonly type: 'published'; readonly stage: string; readonly port: string; readonly path: string }
    | { readonly type: 'diagnostic'; readonly diagnostic: Diagnostic }
    | { readonly type: 'run-finished'; readonly status: 'succeeded' | 'failed' | 'interrupted'; readonly stages: Readonly<Record<string, StageStatus>>; readonly durationMs: number }
  )

/** What is known of a stage before the run; enough to draw the list and say how long it may take. */
export interface PlannedStage {
  readonly stage: string
  readonly uses: string
  readonly action: 'hit' | 'run' | 'undetermined' | 'skip'
  readonly reasons: readonly string[]
  /** From the last run of the same stage, if there was one. */
  readonly expectedMs?: number
  readonly needs: readonly string[]
}
