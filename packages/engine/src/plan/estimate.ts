import type { NodeId } from '../graph/graph.js'
import type { Plan } from './types.js'

/** How long what a plan runs may take, by what each stage took the last time, with the parameters that it had then. */
export interface Estimate {
  /** Of all stages that run or may run, one after another. */
  readonly workMs: number
  /** Of the longest chain of them: with room for all at once it takes so long. */
  readonly chainMs: number
  /** Those without an earlier run, which are in neither. */
  readonly untimed: readonly NodeId[]
}

/** A hit and a skipped stage take no time; one that is `undetermined` is counted as if it ran. */
export function estimate(plan: Plan): Estimate {
  const ends = new Map<NodeId, number>()
  const untimed: NodeId[] = []
  let workMs = 0
  // A node stands behind all that it needs.
  for (const [id, { node, action, expectedMs }] of plan.nodes) {
    const runs = action === 'run' || action === 'undetermined'
    if (runs && expectedMs === undefined) untimed.push(id)
    const ownMs = runs ? (expectedMs ?? 0) : 0
    workMs += ownMs
    let startMs = 0
    for (const before of node.after) startMs = Math.max(startMs, ends.get(before) ?? 0)
    ends.set(id, startMs + ownMs)
  }
  let chainMs = 0
  for (const end of ends.values()) chainMs = Math.max(chainMs, end)
  return { workMs, chainMs, untimed }
}
