import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import type { ArtifactStore } from '../artifacts/types.js'
import { openEventLog, type EventLog, type EventSink } from '../events/log.js'
import { redactor } from '../events/secrets.js'
import type { Event, PlannedStage } from '../events/event.js'
import type { NodeId } from '../graph/graph.js'
import { fingerprintContext, pipelineId, type NodeState, type PlanOptions } from '../plan/plan.js'
import type { Plan } from '../plan/types.js'
import { sealedEnvironment } from './environment.js'
import type { Executor } from './host.js'
import type { EventBody, RunContext } from './run-context.js'
import { Scheduler, thisMachine, type Machine } from './scheduler.js'
import type { Clock } from './services.js'

export interface StartOptions {
  readonly plan: Plan
  readonly planOptions: PlanOptions
  readonly store: ArtifactStore
  readonly executorOf: (name: string | undefined) => Executor
  readonly clock: Clock
  readonly secrets: Iterable<string>
  readonly sinks: readonly EventSink[]
  readonly keepGoing?: boolean
  readonly cancel?: AbortSignal
  readonly kill?: AbortSignal
  readonly machine?: Machine
  readonly jobs?: number
  readonly shuffleSeed?: number
}

/** A run id that sorts by time: `20261123-190312-045-k3x9`, in UTC. */
export function runId(clock: Clock): string {
  const [, year, month, day, hour, minute, second, ms] = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)/.exec(new Date(clock.nowMs()).toISOString())!
  const tail = Math.floor(clock.random() * 36 ** 4).toString(36).padStart(4, '0')
  return `${year}${month}${day}-${hour}${minute}${second}-${ms}-${tail}`
}

/** Times as text; many events of a run fall into one millisecond. */
function isoTimes(): (ms: number) => string {
  let [lastMs, text] = [NaN, '']
  return ms => {
    if (ms !== lastMs) [lastMs, text] = [ms, new Date(ms).toISOString()]
    return text
  }
}

/** Opens the folder and the event log of a run, and puts together what its nodes share. */
export function startRun(options: StartOptions): { run: RunContext; log: EventLog } {
  const { plan, planOptions, store, clock } = options
  const id = runId(clock)
  const runDir = join(store.root, 'runs', id)
  const log = openEventLog(runDir)
  const redact = redactor(options.secrets)
  const states = new Map<NodeId, NodeState>()
  const starts = new AbortController()
  const stopStarting = () => starts.abort(new Error('no more stages are started'))
  const { cancel = new AbortController().signal, kill = new AbortController().signal } = options
  // Every running stage listens.
  setMaxListeners(0, cancel, kill, starts.signal)
  if (cancel.aborted) stopStarting()
  cancel.addEventListener('abort', stopStarting, { once: true })

  const isoOf = isoTimes()
  const emit = (body: EventBody) => {
    const event = redact.value(Object.assign({ type: body.type, at: isoOf(clock.nowMs()), run: id }, body)) as Event
    log.append(event)
    for (const sink of options.sinks) sink(event)
  }
  const run: RunContext = {
    plan,
    pipelineId: pipelineId(plan.graph.pipeline),
    runId: id,
    runDir,
    store,
    executorOf: options.executorOf,
    scheduler: new Scheduler({ machine: options.machine ?? thisMachine(), ...(options.jobs !== undefined && { jobs: options.jobs }), ...(options.shuffleSeed !== undefined && { seed: options.shuffleSeed }) }),
    clock,
    fingerprints: fingerprintContext(plan.graph, planOptions, states),
    environment: sealedEnvironment(),
    whenOf: planOptions.whenOf,
    forced: planOptions.force ?? new Set(),
    keepGoing: options.keepGoing ?? false,
    redactor: redact,
    emit,
    cancel,
    kill,
    noMoreStarts: starts.signal,
    stopStarting,
    states,
  }
  return { run, log }
}

/** What the first event of a run tells of each node. */
export const plannedStages = (plan: Plan): PlannedStage[] =>
  [...plan.nodes.values()].map(({ node, action, reasons, expectedMs }) => ({
    stage: node.id,
    uses: node.stage.definition.id,
    action,
    reasons,
    needs: node.after,
    ...(expectedMs !== undefined && { expectedMs }),
  }))
