import { posix } from 'node:path'
import { Collector } from './diagnostics/collector.js'
import type { Result } from './diagnostics/result.js'
import { publishRefusal, readPublished } from './execute/publish.js'
import type { NodeId } from './graph/graph.js'
import { handedOn, type Prepared } from './prepare.js'

/**
 * What stands in the way of a publication is told before the work whose result it would keep from its place. A warning where it may come to nothing: so it may
 * where hone no longer knows what it published, as after `rm -r .hone`, and the same is made again.
 */
export const withPublications = async (prepared: Result<Prepared>): Promise<Result<Prepared>> =>
  prepared.ok ? handedOn(prepared.value.opened, () => withRefusals(prepared)) : prepared

async function withRefusals(prepared: Result<Prepared> & { ok: true }): Promise<Result<Prepared>> {
  const { plan: { graph, nodes }, opened: { store } } = prepared.value
  const { projectRoot, rangeOf } = graph.pipeline
  const planned = [...nodes.values()].filter(({ action }) => action !== 'skip')
  if (planned.every(({ node }) => Object.keys(node.publish).length === 0)) return prepared
  const problems = new Collector()
  const known = await readPublished(projectRoot)
  const read = new Set(planned.flatMap(({ node }) => Object.values(node.inputs).flat().flatMap(member => (member.type === 'files' ? [posix.normalize(member.reference)] : []))))
  const perhaps = new Set<NodeId>()
  for (const each of planned) {
    const { node } = each
    if (each.action !== 'hit' && (node.when === undefined || node.after.some(id => perhaps.has(id)))) perhaps.add(node.id)
    for (const [port, path] of Object.entries(node.publish)) {
      const of = node.outputPorts[port]
      const made = each.action === 'hit' ? each.record.outputs[port] : undefined
      if (!of || (each.action === 'hit' && !made)) continue
      const refusal = await publishRefusal(store, projectRoot, of.kind, path, known, made)
      if (refusal === undefined) continue
      const hint = read.has(path) ? 'Publish to another path: this one is read by the pipeline itself.' : 'Move it away, or publish to another path.'
      const isForgotten = !refusal.isSure && Object.keys(known).length === 0 && !read.has(path)
      const severity = isForgotten || perhaps.has(node.id) || (!made && of.optional) ? 'warning' : 'error'
      problems[severity]('publish-path', rangeOf(['stages', node.source.id, 'publish', port]), `"${node.id}" ${refusal.message}.`, { hint })
    }
  }
  const diagnostics = [...prepared.diagnostics, ...problems.diagnostics]
  const found = problems.result(() => prepared.value)
  return found.ok ? { ok: true, value: prepared.value, diagnostics } : { ok: false, diagnostics }
}
