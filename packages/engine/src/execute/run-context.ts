import type { ArtifactStore, Digest, OutputRecord } from '../artifacts/types.js'
import type { Event, Failure, StageStatus } from '../events/event.js'
import type { Redactor } from '../events/secrets.js'
import type { GraphNode, NodeId } from '../graph/graph.js'
import type { FingerprintContext } from '../plan/fingerprint.js'
import type { NodeState } from '../plan/plan.js'
import type { Plan } from '../plan/types.js'
import type { Executor } from './host.js'
import type { Scheduler } from './scheduler.js'
import type { Clock } from './services.js'

type WithoutBase<E> = E extends unknown ? Omit<E, 'at' | 'run'> : never
/** An event before it is dated and signed with the run. */
export type EventBody = WithoutBase<Event>

/** What all nodes of one run share. */
export interface RunContext {
  readonly plan: Plan
  readonly pipelineId: string
  readonly runId: string
  /** `.hone/runs/<id>`. */
  readonly runDir: string
  readonly store: ArtifactStore
  /** What runs the stages that ask for an executor of this name. */
  readonly executorOf: (name: string | undefined) => Executor
  readonly scheduler: Scheduler
  readonly clock: Clock
  readonly fingerprints: FingerprintContext
  /** What a stage's process sees of this one's environment. */
  readonly environment: Readonly<Record<string, string>>
  readonly whenOf: (node: GraphNode, stateOf: (node: NodeId) => NodeState | undefined) => boolean | undefined
  readonly forced: ReadonlySet<NodeId>
  readonly keepGoing: boolean
  readonly redactor: Redactor
  emit(event: EventBody): void
  /** The first interrupt: stages are asked to stop and save. */
  readonly cancel: AbortSignal
  /** The second: they are ended. */
  readonly kill: AbortSignal
  /** Aborted by an interrupt, and by a failure unless `--keep-going`: nothing that has not started starts any more. */
  readonly noMoreStarts: AbortSignal
  stopStarting(): void
  /** How far each node is; `execute` fills it, and `fingerprints` reads it. */
  readonly states: Map<NodeId, NodeState>
}

/** How a node ended. */
export interface NodeOutcome {
  readonly status: StageStatus
  readonly because: readonly string[]
  readonly key: Digest | null
  readonly outputs: Readonly<Record<string, OutputRecord>>
  readonly metrics: Readonly<Record<string, number>>
  readonly failure?: Failure
  /** Skipped by its own `when` or that of what it needs, and not after a failure: a port that takes many goes on without it. */
  readonly isLeftOut?: boolean
  /** When its first attempt got its share of the machine; by the clock, in milliseconds. Undefined where nothing was tried. */
  readonly startedAtMs?: number
}
