import { relative, resolve } from 'node:path'
import { holderName } from '../artifacts/lock.js'
import { diskSays, StoreError } from '../artifacts/store-error.js'
import { isAtOrBelow } from '../artifacts/walk.js'
import { DiagnosticError } from '../diagnostics/diagnostic-error.js'
import type { ArtifactStore, Digest } from '../artifacts/types.js'
import type { Event, StageStatus } from '../events/event.js'
import type { NodeId } from '../graph/graph.js'
import { backendOf, fingerprint } from '../plan/fingerprint.js'
import { findHit, skipReason, whyNot } from '../plan/plan.js'
import type { PlannedNode } from '../plan/types.js'
import { produce } from './produce.js'
import { publish, PublishRefused } from './publish.js'
import { Door } from './scheduler.js'
import type { NodeOutcome, RunContext } from './run-context.js'

/** How many nodes may hold a lock or wait for a share of the machine: each has files and timers, and of 100,000 that are ready few can run. */
const mostInside = 1000

/** Carries a plan out: every node as soon as what it needs is done. Answers how each ended; never throws for what a stage does. */
export async function execute(run: RunContext): Promise<ReadonlyMap<NodeId, StageStatus>> {
  const outcomes = new Map<NodeId, NodeOutcome>()
  const done = new Map<NodeId, Promise<void>>()
  const door = new Door(mostInside)

  const end = ({ node }: PlannedNode, outcome: NodeOutcome, readyAtMs: number): void => {
    outcomes.set(node.id, outcome)
    if (isDone(outcome)) {
      run.states.set(node.id, { type: 'done', outputs: outcome.outputs, metrics: outcome.metrics })
      if (outcome.key) run.store.remember(run.pipelineId, node.id, outcome.key)
    } else if (outcome.isLeftOut) run.states.set(node.id, { type: 'skipped' })
    run.emit({
      type: 'stage-finished',
      stage: node.id,
      uses: node.stage.definition.id,
      status: outcome.status,
      because: outcome.because,
      key: outcome.key,
      // Not the wait for cores or for another process.
      durationMs: Math.round(run.clock.nowMs() - (outcome.startedAtMs ?? readyAtMs)),
      outputs: toldOutputs(outcome.outputs, run.store),
      metrics: outcome.metrics,
      ...(outcome.failure && { failure: outcome.failure }),
    })
    if (outcome.status === 'failed' && !run.keepGoing) run.stopStarting()
  }
  const one = async (planned: PlannedNode): Promise<void> => {
    await Promise.all(planned.node.after.map(id => done.get(id)))
    const readyAtMs = run.clock.nowMs()
    end(planned, await published(planned, await door.pass(() => carriedOut(planned, outcomes, run)), run), readyAtMs)
  }
  for (const planned of run.plan.nodes.values()) {
    const { node } = planned
    // A hit after hits has nothing to wait for, and needs no promises: in a plan of hits they would cost more than all else that is done here.
    if (planned.action === 'hit' && isEmpty(node.publish) && node.after.every(id => outcomes.get(id)?.status === 'hit')) end(planned, hitOf(planned), run.clock.nowMs())
    // Each of the others begins a turn later, so that every node finds the promises of those before it.
    else done.set(node.id, Promise.resolve().then(() => one(planned)))
  }
  try {
    await Promise.all(done.values())
  } catch (error) {
    // Our own mistake: what runs is stopped before it goes up.
    run.stopStarting()
    await Promise.allSettled(done.values())
    throw error
  }
  return new Map([...run.plan.nodes.keys()].map(id => [id, outcomes.get(id)!.status]))
}

function toldOutputs(outputs: NodeOutcome['outputs'], store: ArtifactStore): Extract<Event, { type: 'stage-finished' }>['outputs'] {
  const told: Record<string, { digest: Digest; path: string; kind: string; bytes: number }> = {}
  for (const port in outputs) {
    const output = outputs[port]!
    told[port] = { digest: output.digest, path: store.pathOf(output), kind: output.kind, bytes: output.bytes }
  }
  return told
}

const isEmpty = (record: Readonly<Record<string, unknown>>): boolean => {
  for (const _ in record) return false
  return true
}
const hitOf = ({ record, reasons }: PlannedNode & { action: 'hit' }): NodeOutcome => ({ status: 'hit', because: reasons, key: record.key, outputs: record.outputs, metrics: record.metrics })
const isDone = ({ status }: NodeOutcome) => status === 'ran' || status === 'hit'
const without = (status: StageStatus, because: string, more: Partial<NodeOutcome> = {}): NodeOutcome => ({ status, because: [because], key: null, outputs: {}, metrics: {}, ...more })

async function carriedOut(planned: PlannedNode, outcomes: ReadonlyMap<NodeId, NodeOutcome>, run: RunContext): Promise<NodeOutcome> {
  try {
    return await carryOut(planned, outcomes, run)
  } catch (error) {
    if (isAbort(error, run.noMoreStarts)) return notStarted(run)
    if (error instanceof DiagnosticError) {
      const { message, hint } = error.diagnostic
      return without('failed', message, { failure: { reason: 'failed', message, final: true, diagnostic: error.diagnostic, ...(hint && { hint }) } })
    }
    if (error instanceof StoreError) return without('failed', error.message, { failure: { reason: 'store', message: error.message, hint: error.hint, final: true } })
    throw error
  }
}

const isAbort = (error: unknown, { aborted, reason }: AbortSignal) => aborted && (error === reason || (error as Error).name === 'AbortError')

const notStarted = (run: RunContext): NodeOutcome =>
  run.cancel.aborted ? without('cancelled', 'interrupted') : without('skipped', 'not started after another stage failed; --keep-going goes on')

async function carryOut(planned: PlannedNode, outcomes: ReadonlyMap<NodeId, NodeOutcome>, run: RunContext): Promise<NodeOutcome> {
  const { node } = planned
  for (const id of node.after) {
    const { status, isLeftOut } = outcomes.get(id) ?? { status: 'skipped' as const, isLeftOut: false }
    if (status === 'cancelled') return without('cancelled', `${id} was cancelled`)
    if (status === 'failed') return without('skipped', `${id} failed`)
    if (status === 'skipped' && !isLeftOut) return without('skipped', `${id} was skipped after a failure`)
  }
  if (planned.action === 'hit') return hitOf(planned)
  const skip = skipReason(node, run.states, () => node.when ?? run.whenOf(node, id => run.states.get(id)))
  if (skip !== undefined) return without('skipped', skip, { isLeftOut: true })

  const print = await fingerprint(node, run.fingerprints)
  if (print.type === 'waiting') throw new Error(`Internal: ${node.id} waits for ${print.for.join(', ')}, which are done`)
  if (print.type === 'blocked') {
    const [first] = print.diagnostics
    const message = print.diagnostics.map(d => d.message).join('; ')
    return without('failed', message, { failure: { reason: 'failed', message, final: true, ...(first && { diagnostic: first }), ...(first?.hint && { hint: first.hint }) } })
  }
  if (print.warning !== undefined) run.emit({ type: 'log', stage: node.id, level: 'warn', message: print.warning })
  const isForced = run.forced.has(node.id) || !node.source.cache
  let because = planned.reasons
  // The plan could only say that it waits for an upstream. Where it found no record, one is looked for again once the key is locked.
  if (!isForced && planned.action === 'undetermined') {
    const hit = await findHit(print, run.store, backendOf(node, run.fingerprints.backend))
    if (hit) return { status: 'hit', because: hit.reasons, key: hit.record.key, outputs: hit.record.outputs, metrics: hit.record.metrics }
    const lastKey = run.store.lastKeys(run.pipelineId).get(node.id)
    because = print.uncached !== undefined ? [print.uncached] : whyNot(print, { lastKey, previous: lastKey && run.store.recordOf(lastKey) })
  }
  run.noMoreStarts.throwIfAborted()
  return produce(node, print, because, run)
}

async function published({ node }: PlannedNode, outcome: NodeOutcome, run: RunContext): Promise<NodeOutcome> {
  if (!isDone(outcome)) return outcome
  for (const [port, path] of Object.entries(node.publish)) {
    const output = outcome.outputs[port]
    if (!output) continue
    try {
      const wrote = await publish(run.store, run.fingerprints.projectRoot, output, path, {
        signal: run.cancel,
        node: node.id,
        onWait: holder => run.emit({ type: 'stage-waiting', stage: node.id, for: `${holderName(holder)}, which publishes since ${holder.since}` }),
      })
      if (wrote) run.emit({ type: 'published', stage: node.id, port, path })
    } catch (error) {
      if (isAbort(error, run.cancel)) return { ...outcome, status: 'cancelled', because: ['interrupted'] }
      const isOurs = !(error instanceof PublishRefused) && !(error instanceof StoreError) && (error as NodeJS.ErrnoException).code === undefined
      if (isOurs) throw error
      const says = diskSays(error)
      const hint = says === undefined ? (error as { hint?: string }).hint : 'The result is kept in the store: mend that, or publish to another path, and run again.'
      const message = error instanceof PublishRefused ? error.message : `cannot publish to ${path}: ${says === undefined ? (error as Error).message : says + elsewhere(error, resolve(run.fingerprints.projectRoot, path), run.fingerprints.projectRoot)}`
      return { ...outcome, status: 'failed', failure: { reason: 'store', message, final: true, ...(hint && { hint }) } }
    }
  }
  return outcome
}

/** Which path the disk refused, where it is not the published one or a folder above it: what is known of publications is a file too. */
function elsewhere(error: unknown, to: string, projectRoot: string): string {
  const { path } = error as NodeJS.ErrnoException
  return path === undefined || isAtOrBelow(path, to) || isAtOrBelow(to, path) ? '' : ` (${relative(projectRoot, path)})`
}
