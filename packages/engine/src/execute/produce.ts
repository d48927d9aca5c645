import { createHash } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { layout } from '../artifacts/layout.js'
import { holderName } from '../artifacts/lock.js'
import { asStoreError, StoreError } from '../artifacts/store-error.js'
import type { ActionRecord, Digest, OutputRecord } from '../artifacts/types.js'
import type { Failure } from '../events/event.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'
import type { GraphNode, NodeId } from '../graph/graph.js'
import { membersNamed } from '../graph/members.js'
import { paramRange } from '../plan/check.js'
import { backendOf, changedSince, memoDigest, outsideData } from '../plan/fingerprint.js'
import { stampInputs, writtenSince } from '../plan/input-stamps.js'
import { findHit } from '../plan/plan.js'
import type { Fingerprint } from '../plan/types.js'
import { placeInPlugin } from '../plugin/source-place.js'
import { continuation, keepContinuation } from './continuation.js'
import { longestTimerMs } from './host.js'
import { endLeftBehind, noteProcess } from './left-behind.js'
import { checkOutputs, ingestOutputs, prepareOutputs } from './outputs.js'
import type { StageRequest, StageResult } from './request.js'
import type { NodeOutcome, RunContext } from './run-context.js'
import { visibleGpus, type Machine, type Share } from './scheduler.js'
import { logFile, StageLog } from './stage-log.js'

/** Makes what a node leaves: waits for its key's lock and for its share of the machine, tries as often as it may, and stores the result. */
export async function produce(node: GraphNode, print: Fingerprint, because: readonly string[], run: RunContext): Promise<NodeOutcome> {
  // What has no key is worked on under a name of its own, and its record is kept by nobody.
  const workKey = print.key ?? (createHash('sha256').update(`${run.runId}\0${node.id}`).digest('hex') as Digest)
  const isForced = run.forced.has(node.id) || !node.source.cache
  const lock = await run.store.lock(workKey, {
    signal: run.noMoreStarts,
    node: node.id,
    onWait: holder => run.emit({ type: 'stage-waiting', stage: node.id, for: `${holderName(holder)}, which makes the same since ${holder.since}` }),
  })
  try {
    // Also without a wait: another process may have published, and let go of the lock, since this one looked.
    if (!isForced) {
      const hit = await findHit(print, run.store, backendOf(node, run.fingerprints.backend))
      if (hit) return { status: 'hit', because: [`made meanwhile by ${hit.record.run === run.runId ? hit.record.node : 'another process'}`, ...hit.reasons], key: hit.record.key, outputs: hit.record.outputs, metrics: hit.record.metrics }
    }
    return await attempts(node, print, workKey, isForced, because, run)
  } finally {
    await lock.release()
  }
}

const gib = (bytes: number) => Math.round(bytes / 2 ** 30)

async function attempts(node: GraphNode, print: Fingerprint, workKey: Digest, isForced: boolean, because: readonly string[], run: RunContext): Promise<NodeOutcome> {
  const { attempts: most, backoffMs } = node.source.retry
  const isResumable = node.stage.definition.resumable === true
  const log = new StageLog(logFile(run.runDir, node.id), t => run.redactor.text(t))
  let startedAtMs: number | undefined
  let isDone = false
  const ended = (status: 'failed' | 'cancelled', failure?: Failure): NodeOutcome => ({
    status,
    because,
    key: print.key ?? null,
    outputs: {},
    metrics: {},
    ...(startedAtMs !== undefined && { startedAtMs }),
    ...(failure && { failure }),
  })
  const wish: Machine = node.resources
  if (!run.scheduler.canEverRun(wish)) {
    return ended('failed', { reason: 'failed', message: `asks for ${wish.gpus} GPUs; this machine has fewer`, hint: 'Lower "resources: { gpus }", or run on a machine that has them.', final: true })
  }
  const fit = run.scheduler.fit(wish)
  const lacking = (['cpus', 'memory'] as const).filter(what => fit[what] < wish[what] && node.source.resources[what] !== undefined)
  const had = { cpus: `${fit.cpus} of ${wish.cpus} cores`, memory: `${gib(fit.memory)} of ${gib(wish.memory)} GiB` }
  if (lacking.length > 0) run.emit({ type: 'log', stage: node.id, level: 'warn', message: `asks for more than this machine has and runs alone, with ${lacking.map(what => had[what]).join(' and ')}` })
  await endLeftBehind(workOf(workKey, run), {
    signal: run.noMoreStarts,
    onWait: pid => run.emit({ type: 'stage-waiting', stage: node.id, for: `the end of process ${pid}, which a run that was killed left behind` }),
  })
  if (run.forced.has(node.id)) await run.store.clean(workKey)
  try {
    let last: Failure | undefined
    for (let attempt = 1; ; attempt++) {
      let share: Share
      try {
        share = await run.scheduler.acquire(wish, run.noMoreStarts)
      } catch (error) {
        if (last === undefined || run.cancel.aborted) throw error
        run.emit({ type: 'log', stage: node.id, level: 'warn', message: 'is not tried again after another stage failed; --keep-going goes on' })
        return ended('failed', last)
      }
      startedAtMs ??= run.clock.nowMs()
      let outcome: Tried
      try {
        run.emit({ type: 'stage-started', stage: node.id, uses: node.stage.definition.id, attempt, because, key: print.key ?? null })
        outcome = await attemptOnce(node, print, workKey, isForced, because, share, log, run)
        // Before its share is free: nothing may take it after a failure.
        if (!outcome.ok && !run.keepGoing && (outcome.failure.final || attempt >= most)) run.stopStarting()
      } catch (error) {
        outcome = { ok: false, failure: storeFailure(error) }
      } finally {
        share.release()
      }
      if (outcome.ok) {
        isDone = true
        return { ...outcome.outcome, startedAtMs }
      }
      const failure = { ...outcome.failure, ...(log.output && { output: log.output }) }
      // Of the author of a plugin; that of a stage of ours helps nobody but us, and is in the events.
      if (failure.stack && failure.diagnostic) log.note(failure.stack)
      if (run.cancel.aborted) return ended('cancelled')
      if (failure.final || attempt >= most) return ended('failed', failure)
      const delayMs = Math.min(longestTimerMs, Math.round(backoffMs * 2 ** (attempt - 1) * (1 + run.clock.random() / 2)))
      run.emit({ type: 'stage-retry', stage: node.id, attempt, delayMs, failure })
      last = failure
      await sleep(delayMs, undefined, { signal: run.noMoreStarts }).catch(() => {})
    }
  } finally {
    log.close()
    await run.store.clean(workKey, { keepScratch: isResumable && print.key !== undefined && !isDone, mayReuse: isDone && node.stage.definition.light === true }).catch(() => {})
  }
}

const workOf = (workKey: Digest, { store }: RunContext) => layout(store.root).workOf(workKey)

type Tried = { readonly ok: true; readonly outcome: NodeOutcome } | { readonly ok: false; readonly failure: Failure }

async function attemptOnce(
  node: GraphNode,
  print: Fingerprint,
  workKey: Digest,
  isForced: boolean,
  because: readonly string[],
  share: Share,
  log: StageLog,
  run: RunContext,
): Promise<Tried> {
  const { definition, plugin } = node.stage
  const damaged = await damagedInputs(node, run)
  if (damaged.length > 0) {
    return failed({ reason: 'store', message: `${damaged.join(' and ')} is damaged in the store and was moved aside`, hint: 'Run again: the stage that made it will make it anew.', final: true })
  }
  const { dir, scratch, isNew } = await run.store.attempt(workKey)
  if (!definition.resumable && !isNew) {
    await rm(scratch, { recursive: true, force: true })
    await mkdir(scratch, { recursive: true })
  }
  const outputs = prepareOutputs(dir, node.outputPorts)
  const backend = backendOf(node, run.fingerprints.backend)
  const threads = Math.max(1, Math.floor(run.scheduler.fit(node.resources).cpus))
  const goesOn = await continuation(node, print, dir, threads, isForced, run)
  const request: StageRequest = {
    plugin: { name: plugin.name, module: plugin.module },
    providers: definition.services ? run.fingerprints.registry.plugins.filter(p => p !== plugin && p.definition.provides?.length).map(p => ({ name: p.name, module: p.module })) : [],
    uses: definition.id,
    node: node.id,
    params: print.params,
    inputs: print.inputs,
    manyInputs: Object.keys(print.inputs).filter(port => node.inputPorts[port]?.many === true),
    outputs,
    seed: node.seed,
    threads,
    ...(backend !== undefined && { backend }),
    env: print.env,
    projectRoot: run.fingerprints.projectRoot,
    scratch,
    ...goesOn?.request,
    memoRoot: join(run.store.root, 'memo'),
    memoDigest: await memoDigest(node, run.fingerprints),
  }
  const stamps = stampInputs(node, print.inputs)
  const startedAtMs = run.clock.nowMs()
  const visible = visibleGpus(run.environment)
  const devices = share.gpus.length > 0 ? { CUDA_VISIBLE_DEVICES: share.gpus.map(gpu => visible?.[gpu] ?? gpu).join(',') } : {}
  const result = await run.executorOf(node.source.executor).run({
    request,
    light: definition.light === true && share.gpus.length === 0,
    env: { ...run.environment, ...devices, ...print.env },
    ...(share.gpus.length > 0 && { fresh: true }),
    ...(node.source.timeoutMs !== undefined && { timeoutMs: node.source.timeoutMs }),
    cancel: run.cancel,
    kill: run.kill,
    onProcess: pid => noteProcess(workOf(workKey, run), pid),
    onEvent: event => {
      // Its log is whole without the events: what it says stands among what it prints.
      if (event.type === 'log') log.write(event.level === 'info' ? event.message : `${event.level}: ${event.message}`)
      run.emit({ ...event, stage: node.id })
    },
    onOutput: (stream, text) => {
      const clean = log.write(text)
      if (clean !== undefined) run.emit({ type: 'output', stage: node.id, stream, text: clean })
    },
  })
  const durationMs = Math.round(run.clock.nowMs() - startedAtMs)
  const changed = await damagedInputs(node, run)
  if (changed.length > 0) {
    return failed({ reason: 'changed-input', message: `changed what it was given to read: ${changed.join(', ')}`, hint: 'Copy an input to scratch before writing to it. What came from another stage was moved aside and will be made anew.', final: true })
  }
  // Files of the project may be written to by anybody.
  const moved = [...new Set([...(await changedSince(node, print.inputs, run.fingerprints)), ...writtenSince(stamps)])]
  if (moved.length > 0) {
    return failed({ reason: 'changed-input', message: `${moved.join(', ')} changed while the stage ran, so what it made is not kept`, hint: 'Run again once nothing writes there. A stage that writes to it should write to its outputs or to scratch instead.', final: true })
  }
  if (!result.ok) return failed(withPlace(node, result, run))
  // It may have stopped half-way because it was asked to.
  if (run.cancel.aborted) return failed({ reason: 'failed', message: 'was interrupted', final: true })
  const left = checkOutputs(dir, outputs, node.outputPorts)
  if ('reason' in left) return failed(left)
  const made = await ingestOutputs(run.store, outputs, left.present)
  const kept = await withoutKeyIfMoved(node, print, run)
  const outcome = await keep(node, kept, made, result.metrics, durationMs, isForced, because, run)
  if (goesOn) await keepContinuation(goesOn, kept, node, run)
  return { ok: true, outcome }
}

/** Of which state of its outside data a stage has what it fetched cannot be said where that moved meanwhile: such a result is kept under no key. */
async function withoutKeyIfMoved(node: GraphNode, print: Fingerprint, run: RunContext): Promise<Fingerprint> {
  const before = print.components.find(c => c.name === outsideData)?.value
  const bound = before === undefined || print.key === undefined ? undefined : run.fingerprints.bind(node)
  if (!bound) return print
  const now = await run.fingerprints.outside.again(node, bound)
  if ('value' in now && now.value === before) return print
  const why = 'because' in now ? `cannot be asked after any more (${now.because})` : 'changed while it ran'
  run.emit({ type: 'log', stage: node.id, level: 'warn', message: `its outside data ${why}, so the result serves this run and is not kept` })
  return { ...print, key: undefined }
}

const failed = (failure: Failure): Tried => ({ ok: false, failure })

async function keep(
  node: GraphNode,
  print: Fingerprint,
  outputs: Readonly<Record<string, OutputRecord>>,
  metrics: Readonly<Record<string, number>>,
  durationMs: number,
  isForced: boolean,
  because: readonly string[],
  run: RunContext,
): Promise<NodeOutcome> {
  const { definition } = node.stage
  const determinism = typeof definition.determinism === 'function' ? definition.determinism(node.params) : definition.determinism
  const staticKey = print.staticKey()
  if (print.key === undefined || staticKey === undefined) return { status: 'ran', because, key: null, outputs, metrics }
  const before = run.store.recordOf(print.key)
  if (before && determinism !== 'none') {
    for (const port of Object.keys({ ...before.outputs, ...outputs })) {
      const [was, is] = [before.outputs[port]?.digest, outputs[port]?.digest]
      if (was !== undefined && is !== undefined && was !== is) run.emit({ type: 'nondeterministic', stage: node.id, port, before: was, after: is })
    }
  }
  const engine = print.components.find(c => c.name === 'engine')?.value
  const record: ActionRecord = {
    schema: 1,
    key: print.key,
    staticKey,
    uses: definition.id,
    components: print.components,
    outputs,
    metrics,
    determinism,
    ...(typeof engine === 'string' && { computedBy: engine }),
    run: run.runId,
    pipeline: run.pipelineId,
    node: node.id,
    finishedAt: new Date(run.clock.nowMs()).toISOString(),
    durationMs,
  }
  const kept = await run.store.publish(record, { replace: isForced })
  return { status: 'ran', because, key: print.key, outputs: kept.outputs, metrics: kept.metrics }
}

function* upstreamOutputs(node: GraphNode, run: RunContext): Generator<{ from: NodeId; port: string; output: OutputRecord }> {
  for (const members of Object.values(node.inputs)) {
    for (const member of members) {
      if (member.type !== 'output') continue
      const outputs = run.fingerprints.outputsOf(member.node)
      const output = outputs === undefined || outputs === 'skipped' ? undefined : outputs[member.port]
      if (output) yield { from: member.node, port: member.port, output }
    }
  }
}

async function damagedInputs(node: GraphNode, run: RunContext): Promise<string[]> {
  const damaged: string[] = []
  for (const { from, port, output } of upstreamOutputs(node, run)) if (!(await run.store.verifyUnchanged(output))) damaged.push(`${from}.${port}`)
  return damaged
}

function withPlace(node: GraphNode, result: StageResult & { ok: false }, run: RunContext): Failure {
  const { param, ...failure } = result.failure
  const range = param === undefined ? placeInPlugins(failure.stack, node, run) : paramRange(node, run.plan.graph.pipeline, param)
  if (!range) return failure
  return { ...failure, diagnostic: { code: 'stage-failed', severity: 'error', message: failure.message, range, ...(failure.hint && { hint: failure.hint }) } }
}

/** Of the stage's plugin, or of one that provides what its parameters name. */
function placeInPlugins(stack: string | undefined, { stage, params }: GraphNode, { fingerprints: { registry } }: RunContext): SourceRange | undefined {
  const named = membersNamed(stage.definition, params).map(({ token, name }) => registry.member(token.name, name)?.plugin)
  for (const plugin of [stage.plugin, ...named]) {
    const place = plugin && placeInPlugin(stack, plugin)
    if (place) return place
  }
  return undefined
}

/** What the store or the disk could not do is a failure of the stage; our own mistakes go on up. */
export function storeFailure(error: unknown): Failure {
  const known = asStoreError(error, 'run the stage')
  if (!(known instanceof StoreError)) throw error
  return { reason: known.reason === 'output' ? 'outputs' : 'store', message: known.message, hint: known.hint, final: true }
}
