import { Collector } from '../diagnostics/collector.js'
import type { Result } from '../diagnostics/result.js'
import { didYouMean } from '../diagnostics/suggestion.js'
import type { Graph, GraphNode, NodeId } from './graph.js'
import { nodesMeant, parseReference, type PortReference } from './reference.js'

/** What the command line asks for: names of stages (all their members) or of nodes. */
export interface SelectionOptions {
  /** These and what they need; all where the list is empty. */
  readonly stages?: readonly string[]
  /** This alone: what it needs must be there already. */
  readonly only?: string | undefined
  /** This and all that follows from it, anew. */
  readonly from?: string | undefined
  /** These anew: `--force=STAGE`, `--refresh STAGE`; `true` is all that is selected. */
  readonly force?: readonly string[] | true
}

export interface Selection {
  /** In the order of the graph. What `mustHit` holds is among them. */
  readonly nodes: ReadonlySet<NodeId>
  /** Run whatever the store holds. */
  readonly forced: ReadonlySet<NodeId>
  /** Needed by `only`, and not to be run for it. */
  readonly mustHit: ReadonlySet<NodeId>
}

/** The nodes that a command line names, a stage or one of its members; its port is not looked at. */
export function nodesNamed({ nodes, pipeline }: Graph, reference: PortReference): ReturnType<typeof nodesMeant<GraphNode>> {
  const ids = pipeline.stages.map(stage => stage.id)
  if (ids.includes(reference.stage)) return nodesMeant(reference, [...nodes.values()].filter(node => node.source.id === reference.stage))
  return { problem: `The pipeline has no stage "${reference.stage}".`, hint: didYouMean(reference.stage, ids, 'The stages are') }
}

/** The same of a whole name; none where it means nothing. */
export function nodeIds(graph: Graph, name: string): ReadonlySet<NodeId> {
  const reference = parseReference(name)
  const meant = reference && nodesNamed(graph, reference)
  return new Set(meant && 'nodes' in meant ? meant.nodes.map(node => node.id) : [])
}

/** The nodes of a graph that a command means; unknown names are errors. */
export function selectNodes(graph: Graph, { stages = [], only, from, force = [] }: SelectionOptions): Result<Selection> {
  const collector = new Collector()
  const named = (name: string): readonly NodeId[] => {
    const reference = parseReference(name)
    const meant = nodesNamed(graph, reference ?? { stage: name, member: undefined, port: undefined })
    if ('problem' in meant) collector.error('unknown-selection', undefined, meant.problem, { hint: meant.hint })
    else if (reference?.port !== undefined) collector.error('unknown-selection', undefined, `"${name}" names a port; a stage is wanted.`, { hint: `Write ${name.slice(0, -reference.port.length - 1)}.` })
    else return meant.nodes.map(node => node.id)
    return []
  }
  const after = (id: NodeId) => graph.nodes.get(id)!.after
  const chosen = only !== undefined ? named(only) : stages.length > 0 ? stages.flatMap(named) : [...graph.nodes.keys()]
  const wanted = closure(chosen, after)
  const followers = from === undefined ? new Set<NodeId>() : closure(named(from), followersOf(graph))
  // Without named stages `--from` means all that follows; with them, what of it they need.
  const nodes = inOrder(graph, from !== undefined && only === undefined && stages.length === 0 ? closure([...followers], after) : wanted)
  const forced = force === true ? new Set(only === undefined ? nodes : chosen) : new Set([...force.flatMap(named), ...followers].filter(id => nodes.has(id)))
  const mustHit = only === undefined ? new Set<NodeId>() : new Set([...nodes].filter(id => !chosen.includes(id)))
  return collector.result(() => ({ nodes, forced, mustHit }))
}

function inOrder(graph: Graph, ids: ReadonlySet<NodeId>): Set<NodeId> {
  if (ids.size === graph.nodes.size) return new Set(graph.nodes.keys())
  return new Set([...graph.nodes.keys()].filter(id => ids.has(id)))
}

/** `start` and all that can be reached from it. */
export function closure(start: readonly NodeId[], next: (id: NodeId) => Iterable<NodeId>): Set<NodeId> {
  const reached = new Set(start)
  // A set hands out what is added to it while it is walked.
  for (const id of reached) for (const other of next(id)) reached.add(other)
  return reached
}

function followersOf(graph: Graph): (id: NodeId) => Iterable<NodeId> {
  const followers = new Map<NodeId, NodeId[]>()
  for (const node of graph.nodes.values()) {
    for (const before of node.after) {
      const list = followers.get(before)
      if (list) list.push(node.id)
      else followers.set(before, [node.id])
    }
  }
  return id => followers.get(id) ?? []
}
