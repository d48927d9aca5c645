import type { Result } from './diagnostics/result.js'
import type { NodeId } from './graph/graph.js'
import { nodeIds } from './graph/select.js'
import { adopt, type Adoption } from './plan/adopt.js'
import { fingerprint } from './plan/fingerprint.js'
import { fingerprintContext, pipelineId, statesOf } from './plan/plan.js'
import { preparePlan, type OpenOptions } from './prepare.js'

/** Keeps the last result of each node of a stage under its present key, where nothing but code differs. Refused where an upstream has not run yet. */
export async function adoptStage(options: OpenOptions, stage: string): Promise<Result<readonly (Adoption & { readonly node: NodeId })[]>> {
  const prepared = await preparePlan({ ...options, stages: [stage] })
  if (!prepared.ok) return prepared
  const { opened, plan, planOptions } = prepared.value
  const named = nodeIds(plan.graph, stage)
  try {
    const context = fingerprintContext(plan.graph, planOptions, statesOf(plan))
    const last = opened.store.lastKeys(pipelineId(plan.graph.pipeline))
    const adopted: (Adoption & { node: NodeId })[] = []
    for (const { node } of plan.nodes.values()) {
      if (!named.has(node.id)) continue
      const now = await fingerprint(node, context)
      const lastKey = last.get(node.id)
      const adoption: Adoption =
        now.type === 'ready'
          ? await adopt(lastKey && opened.store.recordOf(lastKey), now, opened.store, Date.now())
          : { type: 'refused', reasons: [now.type === 'waiting' ? `${now.for.join(', ')} must run first` : 'something that it takes is missing'] }
      if (adoption.type === 'adopted') opened.store.remember(pipelineId(plan.graph.pipeline), node.id, adoption.record.key)
      adopted.push({ ...adoption, node: node.id })
    }
    return { ok: true, value: adopted, diagnostics: prepared.diagnostics }
  } finally {
    await opened.store.close()
  }
}
