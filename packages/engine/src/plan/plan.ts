import { relative, sep } from 'node:path'
import type { ActionRecord, ArtifactStore, Component, Digest, OutputRecord } from '../artifacts/types.js'
import { Collector } from '../diagnostics/collector.js'
import type { Result } from '../diagnostics/result.js'
import type { Graph, GraphNode, NodeId } from '../graph/graph.js'
import type { Registry } from '../plugin/registry.js'
import type { Pipeline } from '../source/pipeline.js'
import { checkNode, fetchHint } from './check.js'
import { describe, explain } from './explain.js'
import { backendOf, fingerprint, outsideData, sharedLookups, type FingerprintContext, type SharedLookups } from './fingerprint.js'
import { OutsideData } from './outside-data.js'
import type { References } from './references.js'
import type { BoundNode, Fingerprint, FingerprintOutcome, Plan, PlannedAction, PlannedNode } from './types.js'

/** What a node is known to have left: outputs and metrics of a hit, or that it is skipped. */
export type NodeState = { readonly type: 'done'; readonly outputs: Readonly<Record<string, OutputRecord>>; readonly metrics: Readonly<Record<string, number>> } | { readonly type: 'skipped' }

export interface PlanOptions {
  readonly store: ArtifactStore
  readonly registry: Registry
  /** Nodes to run whatever the store has: `--force`, `--from`, `--refresh`. */
  readonly force?: ReadonlySet<NodeId>
  /** Nodes to plan; they must hold what they need. All by default. */
  readonly selection?: ReadonlySet<NodeId>
  /** Nodes that must be hits: what `--only` needs. */
  readonly mustHit?: ReadonlySet<NodeId>
  readonly backend?: string
  /** Resolves what waits for digests and secrets; undefined while a digest is not known. */
  readonly bind: (node: GraphNode, stateOf: (node: NodeId) => NodeState | undefined) => BoundNode | undefined
  /** Evaluates a `when` that reads metrics or digests; undefined while one is not known. */
  readonly whenOf: (node: GraphNode, stateOf: (node: NodeId) => NodeState | undefined) => boolean | undefined
  /** How references to other pipelines and to what lies outside are followed. */
  readonly references?: References
  /** What asks the probes of stages; without it what they said last counts. */
  readonly outside?: OutsideData
  /** `hone run` of a stage, with the parameters that were given, as it is typed. */
  readonly commandFor: (stage: string) => string
  /** Shared with the run that follows, so that both see the same files. */
  readonly shared?: SharedLookups
}

/** How a pipeline is known to the store: its file, relative to the project root. */
export const pipelineId = (pipeline: Pipeline): string => relative(pipeline.projectRoot, pipeline.file).split(sep).join('/')

/** Says of each node whether it is a hit, runs, waits or is skipped, and why; and collects every mistake that can be seen before the run. */
export async function plan(graph: Graph, options: PlanOptions): Promise<Result<Plan>> {
  const { store, backend, selection, force, mustHit } = options
  const problems = new Collector()
  const { fetch } = graph.pipeline
  const nodes = new Map<NodeId, PlannedNode>()
  const states = new Map<NodeId, NodeState>()
  const stateOf = (id: NodeId) => states.get(id)
  /** Of these only the run can say whether they are skipped. */
  const unsettled = new Set<NodeId>()
  const last = store.lastKeys(pipelineId(graph.pipeline))
  const context: FingerprintContext = { ...fingerprintContext(graph, options, states), files: 'once' }

  // All at once; the nodes then wait for their own.
  for (const node of graph.nodes.values()) {
    if (node.stage.definition.probe === undefined || selection?.has(node.id) === false) continue
    const bound = options.bind(node, stateOf)
    if (bound) context.outside.begin(node, bound)
  }
  for (const node of graph.nodes.values()) {
    if (selection && !selection.has(node.id)) continue
    const lastKey = last.get(node.id)
    // Read only where it is asked for: of a node that hits, the record is read anyway.
    let read: { record: ActionRecord | undefined } | undefined
    const previous = () => (read ??= { record: lastKey && store.recordOf(lastKey) }).record
    const put = (action: PlannedAction, reasons: readonly string[]) => {
      const timed = action.action === 'hit' && (lastKey === undefined || action.record.key === lastKey) ? action.record : previous()
      const expected = timed && { expectedMs: timed.durationMs }
      if (action.action === 'hit') {
        const { key, outputs, metrics, node: madeBy, pipeline, durationMs } = action.record
        const record = pipeline === undefined ? { key, outputs, metrics, node: madeBy, durationMs } : { key, outputs, metrics, node: madeBy, durationMs, pipeline }
        nodes.set(node.id, expected ? { action: 'hit', record, node, reasons, expectedMs: expected.expectedMs } : { action: 'hit', record, node, reasons })
        states.set(node.id, { type: 'done', outputs, metrics })
        return
      }
      nodes.set(node.id, { ...action, node, reasons, ...expected })
      if (action.action === 'skip') states.set(node.id, { type: 'skipped' })
    }

    let isMeant: boolean | undefined = true
    const skip = skipReason(node, states, () => (isMeant = node.when ?? options.whenOf(node, stateOf)))
    if (skip !== undefined) {
      put({ action: 'skip' }, [skip])
      continue
    }
    const unsettling = isMeant === undefined ? [`\`when\` reads what \`${Object.values(node.reads).find(id => !states.has(id))}\` will give`] : mayBeSkipped(node, states, unsettled)
    if (unsettling.length > 0) unsettled.add(node.id)
    const outcome = await fingerprint(node, context)
    if (outcome.type === 'ready' && outcome.warning !== undefined) {
      problems.warning('outside-data', node.source.uses.range, outcome.warning, { hint: `It is taken to be as it was: ${outcome.note}. --refresh ${node.source.id} fetches it anew.` })
    }
    if (outcome.type === 'blocked') {
      // What is absent from an artifact is for the stage to say at run time; a file that is not there is a mistake now.
      const mistakes = outcome.diagnostics.filter(d => d.code !== 'absent-output')
      problems.addAll(mistakes.map(d => (d.code === 'missing-file' && fetch !== undefined ? { ...d, hint: fetchHint(fetch) } : d)))
      put({ action: 'run' }, outcome.diagnostics.map(d => d.message))
      continue
    }
    const decision = await decide(node, outcome, { store, previous, lastKey, isForced: force?.has(node.id) === true, backend: backendOf(node, backend) })
    // Its result is there, and yet it may be left out.
    const { action, reasons } = decision.action.action === 'hit' && unsettling.length > 0 ? { action: { action: 'undetermined' as const }, reasons: unsettling } : decision
    put(action, reasons)
    if (action.action === 'hit') continue
    if (mustHit?.has(node.id)) {
      problems.error('not-a-hit', node.source.uses.range, `${node.id} would have to run first: ${reasons[0] ?? 'no record yet'}`, {
        hint: `Run it, or leave out --only: ${options.commandFor(node.source.id)}`,
      })
    }
    await checkNode(node, graph, context, problems)
  }
  return problems.result(() => ({ graph, nodes }))
}

/** What a node's key is computed from, given how far the nodes before it are: `states` and files are read each time. */
export function fingerprintContext(graph: Graph, options: PlanOptions, states: ReadonlyMap<NodeId, NodeState>): FingerprintContext {
  const stateOf = (id: NodeId) => states.get(id)
  return {
    store: options.store,
    registry: options.registry,
    projectRoot: graph.pipeline.projectRoot,
    outputsOf: id => {
      const state = states.get(id)
      return state === undefined ? undefined : state.type === 'skipped' ? 'skipped' : state.outputs
    },
    bind: node => options.bind(node, stateOf),
    shared: options.shared ?? sharedLookups(),
    outside: options.outside ?? new OutsideData(options.store.root),
    files: 'anew',
    ...(options.backend === undefined ? {} : { backend: options.backend }),
    ...(options.references && { references: options.references }),
  }
}

/** What the plan alone knows of each node: the outputs of hits, and what is skipped. */
export const statesOf = (plan: Plan): Map<NodeId, NodeState> =>
  new Map(
    [...plan.nodes].flatMap(([id, planned]): [NodeId, NodeState][] => {
      if (planned.action === 'skip') return [[id, { type: 'skipped' }]]
      return planned.action === 'hit' ? [[id, { type: 'done', outputs: planned.record.outputs, metrics: planned.record.metrics }]] : []
    }),
  )

/** Why a node is skipped, if it is: its `when`, or that too much of what it needs was. */
export function skipReason(node: GraphNode, states: ReadonlyMap<NodeId, NodeState>, when: () => boolean | undefined): string | undefined {
  const skipped = (id: NodeId) => states.get(id)?.type === 'skipped'
  for (const id of node.required) if (skipped(id)) return `${id} is skipped`
  for (const [port, members] of Object.entries(node.inputs)) {
    if (members.length > 0 && members.every(m => m.type === 'output' && skipped(m.node))) return `all that "${port}" takes is skipped`
  }
  // Last, as it may read the metric of a stage that is skipped, which has none.
  return when() === false ? '`when` is false' : undefined
}

/** Why the run may find that a node is skipped: something that it needs may be. */
function mayBeSkipped(node: GraphNode, states: ReadonlyMap<NodeId, NodeState>, unsettled: ReadonlySet<NodeId>): string[] {
  if (unsettled.size === 0) return []
  const reasons = node.required.filter(id => unsettled.has(id)).map(id => `\`${id}\` may be skipped`)
  for (const [port, members] of Object.entries(node.inputs)) {
    if (members.length > 0 && members.every(m => m.type === 'output' && (unsettled.has(m.node) || states.get(m.node)?.type === 'skipped'))) reasons.push(`all that "${port}" takes may be skipped`)
  }
  return reasons
}

interface Known {
  readonly store: ArtifactStore
  readonly previous: () => ActionRecord | undefined
  readonly lastKey: Digest | undefined
  readonly isForced: boolean
  readonly backend: string | undefined
}

async function decide(
  node: GraphNode,
  outcome: Exclude<FingerprintOutcome, { type: 'blocked' }>,
  known: Known,
): Promise<{ action: PlannedAction; reasons: readonly string[] }> {
  const run = (...reasons: string[]) => ({ action: { action: 'run' as const }, reasons })
  if (known.isForced) return run('forced')
  if (!node.source.cache) return run('`cache: false`')
  if (outcome.type === 'ready') {
    if (outcome.uncached !== undefined) return run(outcome.uncached)
    const hit = await findHit(outcome, known.store, known.backend, known.lastKey)
    return hit ? { action: { action: 'hit', record: hit.record }, reasons: hit.reasons } : run(...whyNot(outcome, { previous: known.previous(), lastKey: known.lastKey }))
  }
  const waiting = waitReasons(node, outcome.for)
  const staticKey = outcome.staticKey()
  if (staticKey === undefined) return { action: { action: 'undetermined' }, reasons: waiting }
  const shares = (await known.store.lookupStatic(staticKey)).length > 0
  if (shares) return { action: { action: 'undetermined' }, reasons: waiting }
  const previous = known.previous()
  return run(...(previous ? differences(previous.components, outcome.components, node, waiting) : ['no record yet', ...waiting]))
}

/** The record of a key; for a stage of floating point also one of another engine, unless `backend` says which is to compute. */
export async function findHit(
  print: Pick<Fingerprint, 'key' | 'staticKey' | 'components' | 'note'>,
  store: ArtifactStore,
  backend: string | undefined,
  lastKey?: Digest,
): Promise<{ record: ActionRecord; reasons: readonly string[] } | undefined> {
  const { key, components } = print
  if (key === undefined) return undefined
  const found = store.lookup(key, { isLikely: key === lastKey })
  const record = found instanceof Promise ? await found : found
  if (record) return { record, reasons: print.note === undefined ? hitReasons(record) : [print.note, ...hitReasons(record)] }
  if (backend !== undefined || !components.some(c => c.name === 'engine')) return undefined
  const staticKey = print.staticKey()
  if (staticKey === undefined) return undefined
  for (const other of await store.lookupStatic(staticKey)) {
    const differing = explain(other.components, components)
    if (differing.length > 0 && differing.every(d => d.component === 'engine')) {
      return { record: other, reasons: [`kept, computed by ${other.components.find(c => c.name === 'engine')?.value ?? 'another engine'}`, ...hitReasons(other)] }
    }
  }
  return undefined
}

function hitReasons(record: ActionRecord): string[] {
  if (record.adoptedFrom) return [`adopted from ${record.adoptedFrom.slice(0, 12)} on ${day(record)}`]
  // What a probe told is in the key, and nothing is pinned.
  return record.determinism === 'none' && !record.components.some(c => c.name === outsideData) ? [`pinned ${day(record)}`] : []
}

const day = (record: ActionRecord): string => record.finishedAt.slice(0, 10)

/** Why a node whose key is known is no hit: what differs from its last run. */
export function whyNot(outcome: Fingerprint, { previous, lastKey }: { readonly previous: ActionRecord | undefined; readonly lastKey: Digest | undefined }): string[] {
  if (!previous) return [lastKey ? 'the record of its last run is gone' : 'no record yet']
  const reasons = describe(explain(previous.components, outcome.components), previous.uses)
  return reasons.length > 0 ? reasons : ['its last result is missing from the store, or damaged']
}

/** Only what is known already can differ: ports that wait are told apart from it. */
function differences(before: readonly Component[], after: readonly Component[], node: GraphNode, waiting: readonly string[]): string[] {
  const isWaiting = (name: string) => (name.startsWith('input ') && node.inputs[name.slice('input '.length)]?.some(m => m.type === 'output')) || name === 'engine'
  const comparable = (components: readonly Component[]) => components.filter(c => !isWaiting(c.name))
  const known = describe(explain(comparable(before), comparable(after)), node.stage.definition.id)
  return known.length > 0 ? [...known, ...waiting] : [...waiting, 'no intact record shares its parameters']
}

function waitReasons(node: GraphNode, waitsFor: readonly NodeId[]): string[] {
  const waiting = new Set(waitsFor)
  const reasons: string[] = []
  for (const [port, members] of Object.entries(node.inputs)) {
    const upstream = [...new Set(members.flatMap(m => (m.type === 'output' && waiting.has(m.node) ? [m.node] : [])))]
    for (const id of upstream) waiting.delete(id)
    if (upstream.length > 3) reasons.push(`input ${port}: ${upstream.length} upstream stages will run`)
    else for (const id of upstream) reasons.push(`input ${port}: upstream \`${id}\` will run`)
  }
  for (const id of waiting) reasons.push(`a parameter reads what \`${id}\` will give`)
  return reasons
}
