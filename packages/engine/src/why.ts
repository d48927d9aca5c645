import type { Component, Digest } from './artifacts/types.js'
import type { Result } from './diagnostics/result.js'
import type { GraphNode, NodeId } from './graph/graph.js'
import { nodeIds } from './graph/select.js'
import { describe, explain, type Difference } from './plan/explain.js'
import { fingerprint } from './plan/fingerprint.js'
import { fingerprintContext, pipelineId, statesOf } from './plan/plan.js'
import type { FingerprintOutcome, PlannedNode } from './plan/types.js'
import { preparePlan, type OpenOptions } from './prepare.js'

export interface Why {
  readonly node: NodeId
  readonly uses: string
  readonly action: 'hit' | 'run' | 'undetermined' | 'skip'
  readonly reasons: readonly string[]
  /** What of its key differs from that of its last run, as far as it is known now; undefined when it never ran. */
  readonly differences: readonly Difference[] | undefined
  /** The same as sentences. */
  readonly described: readonly string[]
}

/** Why a stage would run, component by component, for each of its nodes. `stage` is a stage or a node: `tuned`, `tuned[rank=8]`. */
export async function whyStage(options: OpenOptions, stage: string): Promise<Result<readonly Why[]>> {
  const prepared = await preparePlan({ ...options, stages: [stage] })
  if (!prepared.ok) return prepared
  const { opened, plan, planOptions } = prepared.value
  const named = nodeIds(plan.graph, stage)
  try {
    const context = fingerprintContext(plan.graph, planOptions, statesOf(plan))
    const last = opened.store.lastKeys(pipelineId(plan.graph.pipeline))
    const whys: Why[] = []
    for (const planned of plan.nodes.values()) {
      const { node, action } = planned
      if (!named.has(node.id)) continue
      const lastKey = last.get(node.id)
      const before = lastKey && opened.store.recordOf(lastKey)
      const now = action === 'skip' ? undefined : await fingerprint(node, context)
      const differences = before && now && now.type !== 'blocked' ? explain(now.type === 'waiting' ? known(before.components, node, now) : before.components, now.components) : undefined
      whys.push({ node: node.id, uses: node.stage.definition.id, action, reasons: whyAtAll(planned, lastKey), differences, described: differences ? describe(differences, node.stage.definition.id) : [] })
    }
    return { ok: true, value: whys, diagnostics: prepared.diagnostics }
  } finally {
    await opened.store.close()
  }
}

/** Of an earlier key what is known now too: ports, and members of them, that wait for an upstream are not gone. */
function known(before: readonly Component[], node: GraphNode, now: Extract<FingerprintOutcome, { type: 'waiting' }>): Component[] {
  return before.flatMap(({ name, value }) => {
    if (!now.components.some(c => c.name === name)) return []
    const members = name.startsWith('input ') ? node.inputs[name.slice('input '.length)] : undefined
    const waiting = new Set(members?.flatMap(m => (m.type === 'output' && now.for.includes(m.node) ? [m.label] : [])))
    return [{ name, value: waiting.size > 0 && Array.isArray(value) ? value.filter(member => !waiting.has((member as { label: string }).label)) : value }]
  })
}

/** Of a hit without a last run, what else made it: the same stage under another name, or another pipeline. */
function whyAtAll({ node, reasons, ...planned }: PlannedNode, lastKey: Digest | undefined): readonly string[] {
  if (planned.action !== 'hit' || lastKey !== undefined || reasons.length > 0) return reasons
  return [`${node.id} never ran here, and ${planned.record.node} of ${planned.record.pipeline} made the same`]
}
