import { Collector } from '../diagnostics/collector.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Result } from '../diagnostics/result.js'
import { nearest } from '../diagnostics/suggestion.js'
import type { Registry, RegisteredStage } from '../plugin/registry.js'
import type { Pipeline, StageSource } from '../source/pipeline.js'
import { orderStages } from './cycles.js'
import { Expander, type NamedForPort } from './expand.js'
import type { Graph, GraphNode, NodeId } from './graph.js'
import { checkPublished } from './published.js'
import { makeEntry, type StageEntry } from './stage-entry.js'

/** Of a graph with mistakes, what the parameters of its stages name all the same. */
export type ResolvedGraph = Result<Graph> & { readonly named?: readonly NamedForPort[] }

/** Makes the graph of a pipeline: stages looked up, parameters checked, matrices unfolded, every port led to what feeds it. */
export function resolveGraph(pipeline: Pipeline, registry: Registry): ResolvedGraph {
  const collector = new Collector()
  const ids = new Set([...pipeline.stages.map(stage => stage.id), ...(pipeline.unread ?? [])])
  const entries = new Map<string, StageEntry>()
  for (const source of pipeline.stages) entries.set(source.id, makeEntry(source, lookUp(source, registry, collector), pipeline, ids, collector))

  const { order, cycles } = orderStages(new Map([...entries].map(([id, entry]) => [id, entry.edges])))
  for (const cycle of cycles) {
    const drawn = [...cycle.map(edge => edge.from), cycle.at(-1)!.to].join(' -> ')
    const [first, ...rest] = cycle
    const hint = cycle.length === 1 ? 'A stage cannot take what it gives itself.' : 'Take one of these references away.'
    collector.error('cycle', first!.range, cycle.length === 1 ? `"${first!.from}" waits for itself: ${drawn}` : `Stages wait for one another: ${drawn}`, {
      hint, related: rest.map(edge => ({ message: `"${edge.from}" waits for "${edge.to}" here`, range: edge.range })),
    })
  }
  const expander = new Expander(pipeline, registry, collector, entries)
  const nodes = new Map<NodeId, GraphNode>()
  for (const id of order) {
    const entry = entries.get(id)!
    if (!expander.expand(entry)) break
    for (const node of entry.nodes ?? []) nodes.set(node.id, node)
  }
  checkPublished([...nodes.values()], pipeline, registry, collector)
  const resolved = collector.result(() => ({ pipeline, nodes }))
  return resolved.ok ? resolved : { ...resolved, named: [...expander.named, ...namedBy(nodes.values())] }
}

/** What the parameters of nodes name that are not skipped. */
export function* namedBy(nodes: Iterable<GraphNode>): Iterable<NamedForPort> {
  for (const { when, inputs, inputPorts } of nodes) {
    if (when === false) continue
    for (const [port, members] of Object.entries(inputs)) for (const member of members) if (member.type === 'files') yield { port, of: inputPorts[port]!, member }
  }
}

function lookUp({ uses: { value, range } }: StageSource, registry: Registry, collector: Collector): RegisteredStage | undefined {
  const match = /^([^@\s]+?)(?:@(\d+))?$/.exec(value)
  const name = match?.[1] ?? value
  const stage = registry.stage(name)
  if (!stage || !match) {
    const all = registry.stages.map(s => s.definition.id)
    const kind = name.split('/')[0]!
    const sameKind = all.filter(id => id.startsWith(`${kind}/`))
    // `lora` alone is the stage that is called so under its kind.
    const called = all.filter(id => id.endsWith(`/${name.toLowerCase()}`))
    const near = called.length === 1 ? called[0] : nearest(name, sameKind.length > 0 && nearest(name.slice(kind.length + 1), sameKind.map(id => id.slice(kind.length + 1))) === undefined ? [] : all)
    const hint = (near !== undefined ? `Did you mean "${near}"?` : undefined) ?? (sameKind.length > 0 ? `Of this kind there are ${sameKind.join(', ')}.` : '`hone stages` lists all; a plugin is named under `plugins:`.')
    collector.error('unknown-stage-type', range, `No plugin has a stage "${name}".`, { hint })
    return undefined
  }
  const { definition, plugin } = stage
  if (match[2] !== undefined && Number(match[2]) !== definition.version) {
    collector.error('stage-version', range, `${name} is at version ${definition.version} in ${plugin.name}; the file pins ${match[2]}.`, { hint: `Write ${name}@${definition.version} if its results are still what you want.` })
  }
  return stage
}

const misreadings = new Set(['unknown-key', 'wrong-type', 'yaml-key'])

/** The mistakes in the rest of a file that has some. A stage of which a key was misread may lack an input for that reason alone. */
export function furtherInGraph(partial: Pipeline, registry: Registry, mistakes: readonly Diagnostic[]): { readonly diagnostics: readonly Diagnostic[]; readonly named: Iterable<NamedForPort> } {
  const { stages, unread = [], rangeOf } = partial
  const starts = [...stages.map(stage => stage.id), ...unread].map(id => rangeOf(['stages', id], 'key').offset).sort((a, b) => a - b)
  const stageAt = (d: Diagnostic) => starts.findLast(start => start <= (d.range?.offset ?? -1))
  const misread = new Set(mistakes.filter(d => misreadings.has(d.code)).map(stageAt))
  const graph = resolveGraph(partial, registry)
  return { diagnostics: graph.diagnostics.filter(d => d.code !== 'missing-input' || !misread.has(stageAt(d))), named: graph.ok ? namedBy(graph.value.nodes.values()) : (graph.named ?? []) }
}
