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

/** The graph as people or programs read it. `json` has every node, the others one box a stage. */
export function renderGraph(graph: Graph, format: GraphFormat): string {
  switch (format) {
    case 'text':
      return text(graph)
    case 'mermaid':
      return mermaid(graph)
    case 'dot':
      return dot(graph)
    case 'json':
      return JSON.stringify(json(graph), undefined, 2)
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

/**
 *     documents   ingest/files
 *     pairs       qa-convert/template   documents ← documents
 */
function text(graph: Graph): string {
  const all = boxes(graph)
  const into = edges(graph)
  const width = Math.max(0, ...all.map(box => title(box).length))
  const usesWidth = Math.max(0, ...all.map(box => box.uses.length))
  return all.map(box => {
    const sources = into.filter(edge => edge.to === box.id).map(edge => (edge.port === undefined ? `after ${edge.from}` : `${edge.port} ← ${edge.from}${edge.output === edge.port ? '' : `.${edge.output}`}`))
    return `${title(box).padEnd(width)}  ${box.uses.padEnd(usesWidth)}  ${sources.join(', ')}`.trimEnd()
  }).join('\n')
}

function mermaid(graph: Graph): string {
  const escape = (label: string) => label.replaceAll('"', '#quot;')
  // Words of Mermaid's own cannot name a box.
  const name = (id: string) => (/^(?:end|graph|subgraph|style|class|click|default|flowchart|linkstyle|direction)$/.test(id) ? `${id}_` : id)
  return [
    'flowchart LR',
    ...boxes(graph).map(box => `  ${name(box.id)}["${escape(title(box))}<br/><small>${escape(box.uses)}</small>"]`),
    ...edges(graph).map(edge => (edge.port === undefined ? `  ${name(edge.from)} -.-> ${name(edge.to)}` : `  ${name(edge.from)} -->|${portLabel(edge)}| ${name(edge.to)}`)),
  ].join('\n')
}

function dot(graph: Graph): string {
  const quote = (label: string) => `"${label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
  return [
    `digraph ${quote(graph.pipeline.name)} {`,
    '  rankdir=LR; node [shape=box]',
    ...boxes(graph).map(box => `  ${quote(box.id)} [label=${quote(`${title(box)}\n${box.uses}`)}]`),
    ...edges(graph).map(edge => `  ${quote(edge.from)} -> ${quote(edge.to)}${edge.port === undefined ? ' [style=dashed]' : ` [label=${quote(portLabel(edge))}]`}`),
    '}',
  ].join('\n')
}

function json(graph: Graph) {
  return {
    name: graph.pipeline.name,
    nodes: [...graph.nodes.values()].map(node => ({
      id: node.id,
      stage: node.source.id,
      uses: node.source.uses.value,
      labels: node.labels,
      when: node.when ?? node.condition,
      inputs: Object.fromEntries(Object.entries(node.inputs).map(([port, members]) => [port, members.map(member => (
        member.type === 'output' ? { node: member.node, port: member.port, label: member.label } : { param: member.param, reference: member.reference }
      ))])),
      outputs: Object.fromEntries(Object.entries(node.outputPorts).map(([port, { kind }]) => [port, kind.id])),
      after: node.after,
    })),
  }
}
