import type { Graph, GraphNode, NodeId } from './graph.js'

export const graphFormats = ['text', 'mermaid', 'dot', 'json'] as const
export type GraphFormat = (typeof graphFormats)[number]

interface Edge {
  readonly from: string
  readonly to: string
  /** The port that it feeds, and the output that does; undefined where it is for order alone. */
  readonly port: string | undefined
  readonly output: string | undefined
}

/** A stage with all its members: what the drawings show, since a matrix of hundreds is no picture. */
interface Box {
  readonly id: string
  readonly uses: string
  readonly members: readonly GraphNode[]
}

/** What a plan says of a node. */
export type PlannedState = 'hit' | 'run' | 'undetermined' | 'skip'
export type States = ReadonlyMap<NodeId, { readonly action: PlannedState; readonly reasons: readonly string[] }>

/** The graph as people or programs read it, with what the plan says of each node where it is given. `json` has every node, the others one box a stage. */
export function renderGraph(graph: Graph, format: GraphFormat, states?: States): string {
  switch (format) {
    case 'text':
      return text(graph, states)
    case 'mermaid':
      return mermaid(graph, states)
    case 'dot':
      return dot(graph, states)
    case 'json':
      return JSON.stringify(json(graph, states), undefined, 2)
    default:
      throw new Error(`Internal: ${format satisfies never}`)
  }
}

function boxes(graph: Graph): Box[] {
  const found = new Map<string, GraphNode[]>()
  for (const node of graph.nodes.values()) {
    const members = found.get(node.source.id)
    if (members) members.push(node)
    else found.set(node.source.id, [node])
  }
  return [...found].map(([id, members]) => ({ id, uses: members[0]!.source.uses.value, members }))
}

function edges(graph: Graph): Edge[] {
  const found = new Map<string, Edge>()
  const stageOf = (id: NodeId) => graph.nodes.get(id)!.source.id
  const add = (edge: Edge) => found.set(`${edge.from}\0${edge.to}\0${edge.port}\0${edge.output}`, edge)
  for (const node of graph.nodes.values()) {
    const fed = new Set<NodeId>()
    for (const [port, members] of Object.entries(node.inputs)) {
      for (const member of members) {
        if (member.type !== 'output') continue
        fed.add(member.node)
        add({ from: stageOf(member.node), to: node.source.id, port, output: member.port })
      }
    }
    for (const id of node.after) if (!fed.has(id)) add({ from: stageOf(id), to: node.source.id, port: undefined, output: undefined })
  }
  return [...found.values()]
}

const portLabel = ({ port, output }: Edge) => (output === port ? `${port}` : `${output} → ${port}`)
const axesOf = ({ members }: Box) => [...new Set(members.flatMap(node => Object.keys(node.labels)))]
const title = (box: Box) => (axesOf(box).length > 0 ? `${box.id} × ${box.members.length} (${axesOf(box).join(', ')})` : box.id)

/** A box whose members differ is drawn as what is least done of it. */
const byUrgency = ['run', 'undetermined', 'hit', 'skip'] as const
const fills: Readonly<Record<PlannedState, { readonly fill: string; readonly stroke: string }>> = {
  run: { fill: '#ffec99', stroke: '#e67700' },
  undetermined: { fill: '#c5f6fa', stroke: '#0b7285' },
  hit: { fill: '#d3f9d8', stroke: '#2b8a3e' },
  skip: { fill: '#f1f3f5', stroke: '#868e96' },
}

/** `hit`, or of several members `2 hit, 1 run`; undefined where there is no plan. */
function stateOf({ members }: Box, states: States | undefined): { state: PlannedState; told: string } | undefined {
  const actions = members.flatMap(node => states?.get(node.id)?.action ?? [])
  const counts = byUrgency.map(state => [state, actions.filter(a => a === state).length] as const).filter(([, n]) => n > 0)
  const [first] = counts
  return first && { state: first[0], told: counts.length === 1 ? first[0] : counts.map(([state, n]) => `${n} ${state}`).join(', ') }
}

/**
 *     documents  ingest/files         hit
 *     pairs      qa-convert/template  run  documents ← documents
 */
function text(graph: Graph, states: States | undefined): string {
  const into = edges(graph)
  const rows = boxes(graph).map(box => {
    const sources = new Map<string, string[]>()
    for (const { from, port, output } of into.filter(edge => edge.to === box.id)) {
      const way = port === undefined ? 'after' : `${port} ←`
      sources.set(way, [...(sources.get(way) ?? []), output === port ? from : `${from}.${output}`])
    }
    return [title(box), box.uses, ...(states ? [stateOf(box, states)?.told ?? ''] : []), [...sources].map(([way, from]) => `${way} ${from.join(', ')}`).join('; ')]
  })
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]!.length))) ?? []
  return rows.map(row => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()).join('\n')
}

function mermaid(graph: Graph, states: States | undefined): string {
  const escape = (label: string) => label.replaceAll('"', '#quot;')
  const all = boxes(graph)
  // Words of Mermaid's own, and names that read like its arrows (`a--b`), cannot name a box; no stage has a capital.
  const own = /^(?:end|graph|subgraph|style|class|click|default|flowchart|linkstyle|interpolate|direction|call|href)/
  const names = new Map(all.map(({ id }, i) => [id, own.test(id) || id.includes('-') ? `N${i}` : id]))
  const name = (id: string) => names.get(id)!
  const told = new Map(all.map(box => [box.id, stateOf(box, states)]))
  const used = byUrgency.filter(state => [...told.values()].some(t => t?.state === state))
  return [
    'flowchart LR',
    ...all.map(box => {
      const state = told.get(box.id)
      return `  ${name(box.id)}["${escape(title(box))}<br/><small>${escape(box.uses)}${state ? `<br/>${state.told}` : ''}</small>"]${state ? `:::${state.state}` : ''}`
    }),
    ...edges(graph).map(edge => (edge.port === undefined ? `  ${name(edge.from)} -.-> ${name(edge.to)}` : `  ${name(edge.from)} -->|"${portLabel(edge)}"| ${name(edge.to)}`)),
    // Dark letters on a light ground, so that it reads in GitHub's light and dark themes alike.
    ...used.map(state => `  classDef ${state} fill:${fills[state].fill},stroke:${fills[state].stroke},color:#111111`),
  ].join('\n')
}

function dot(graph: Graph, states: States | undefined): string {
  const quote = (label: string) => `"${label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
  return [
    `digraph ${quote(graph.pipeline.name)} {`,
    `  rankdir=LR; node [shape=box${states ? ' style=filled' : ''}]`,
    ...boxes(graph).map(box => {
      const state = stateOf(box, states)
      const colours = state ? ` fillcolor=${quote(fills[state.state].fill)} color=${quote(fills[state.state].stroke)}` : ''
      return `  ${quote(box.id)} [label=${quote(`${title(box)}\n${box.uses}${state ? `\n${state.told}` : ''}`)}${colours}]`
    }),
    ...edges(graph).map(edge => `  ${quote(edge.from)} -> ${quote(edge.to)}${edge.port === undefined ? ' [style=dashed]' : ` [label=${quote(portLabel(edge))}]`}`),
    '}',
  ].join('\n')
}

function json(graph: Graph, states: States | undefined) {
  return {
    name: graph.pipeline.name,
    nodes: [...graph.nodes.values()].map(node => ({
      id: node.id,
      stage: node.source.id,
      uses: node.source.uses.value,
      labels: node.labels,
      when: node.when ?? node.condition,
      ...(states && { action: states.get(node.id)?.action, reasons: states.get(node.id)?.reasons }),
      inputs: Object.fromEntries(Object.entries(node.inputs).map(([port, members]) => [port, members.map(member => (
        member.type === 'output' ? { node: member.node, port: member.port, label: member.label } : { param: member.param, reference: member.reference }
      ))])),
      outputs: Object.fromEntries(Object.entries(node.outputPorts).map(([port, { kind }]) => [port, kind.id])),
      after: node.after,
    })),
  }
}
