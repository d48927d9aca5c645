import type { Collector } from '../diagnostics/collector.js'
import { didYouMean } from '../diagnostics/suggestion.js'
import type { StageDefinition } from '../plugin/define.js'
import type { Registry } from '../plugin/registry.js'
import type { Pipeline } from '../source/pipeline.js'
import type { GraphNode } from './graph.js'

interface Published {
  readonly path: string
  readonly node: GraphNode
  readonly port: string
}

/** One path, and who publishes there. */
interface Place {
  readonly path: string
  readonly first: Published
  /** The first whose condition does not wait for the run. */
  sure: Published | undefined
}

/** Every published port is there, and no two nodes write to one place. */
export function checkPublished(nodes: readonly GraphNode[], { rangeOf }: Pipeline, registry: Registry, collector: Collector): void {
  const taken: Published[] = []
  for (const node of nodes) {
    for (const port in node.publish) {
      if (!Object.hasOwn(node.outputPorts, port) && Object.keys(node.outputPorts).length > 0) {
        const range = rangeOf(['stages', node.source.id, 'publish', port], 'key')
        const uses = node.stage.definition.id
        const other = ofSameKind(uses, registry).find(({ outputs }) => typeof outputs !== 'function' && Object.hasOwn(outputs, port))
        // As with parameters, so that one stage can be swapped for another of its kind by changing one line.
        if (other) collector.warning('unused-publish', range, `"${port}" is an output of ${other.id}; ${uses} does not have it.`, { hint: 'Nothing is published there.' })
        else collector.error('unknown-port', range, `"${node.source.id}" has no output "${port}".`, { hint: didYouMean(port, Object.keys(node.outputPorts), 'Its outputs are') })
        continue
      }
      if (node.when !== false) taken.push({ path: node.publish[port]!, node, port })
    }
  }
  // Sorted by their parts, a folder stands before all that lies in it.
  const parts = new Map(taken.map(({ path }) => [path, path.replaceAll('/', '\0')]))
  taken.sort((a, b) => (parts.get(a.path)! < parts.get(b.path)! ? -1 : a.path === b.path ? 0 : 1))
  // The places that the present one lies in, the outermost first.
  const around: Place[] = []
  // One mistake in the file is told once, however many nodes it makes.
  const told = new Set<string>()
  for (const one of taken) {
    const { path, node, port } = one
    while (around.length > 0 && path !== around.at(-1)!.path && !path.startsWith(`${around.at(-1)!.path}/`)) around.pop()
    const isSure = node.when !== undefined
    // Two whose conditions wait for the run may well exclude one another.
    const other = around.flatMap(place => (isSure ? place.first : place.sure) ?? [])[0]
    const place = around.at(-1)
    if (place?.path !== path) around.push({ path, first: one, sure: isSure ? one : undefined })
    else if (isSure) place.sure ??= one
    const identity = `${node.source.id}\0${port}`
    if (!other || told.has(identity)) continue
    told.add(identity)
    const { message, hint } = clash(other, one, taken)
    collector.error('publish-path', rangeOf(['stages', node.source.id, 'publish', port]), message, { hint })
  }
}

const ofSameKind = (uses: string, { stages }: Registry): StageDefinition[] => {
  const kind = `${uses.split('/')[0]!}/`
  return stages.map(stage => stage.definition).filter(({ id }) => id !== uses && id.startsWith(kind))
}

function clash(before: Published, { path, node, port }: Published, taken: readonly Published[]): { readonly message: string; readonly hint: string } {
  const { source } = node
  const isOneStage = before.node.source === source
  if (isOneStage && before.port === port && before.path === path) {
    const members = taken.filter(other => other.path === path && other.port === port && other.node.source === source).map(other => other.node.labels)
    const differing = Object.keys(node.labels).filter(axis => members.some(labels => labels[axis] !== node.labels[axis]))
    return { message: `Several nodes of "${source.id}" publish to "${path}".`, hint: `Put the ${differing.length === 1 ? 'axis' : 'axes'} into the path: ${withAxes(source.publish[port]!, differing)}.` }
  }
  const [one, other] = isOneStage ? [`${node.id}.${port}`, `${before.node.id}.${before.port}`] : [source.id, before.node.source.id]
  const message = before.path === path ? `"${one}" and "${other}" publish to the same place: "${path}".` : `"${one}" publishes to "${path}", which lies in "${before.path}", where "${other}" publishes.`
  return { message, hint: 'Give each a path of its own.' }
}

/** The path as it is written, with axes before the extension. */
const withAxes = (written: string, axes: readonly string[]): string =>
  written.replace(/(\.[A-Za-z]\w*)?\/*$/, extension => `${axes.map(axis => `-\${{ matrix.${axis} }}`).join('')}${extension.replaceAll('/', '')}`)
