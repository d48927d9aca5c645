import type { TokenRows } from '../text/types.js'
import { rowLength, supervisedInRow, type MicroBatch } from './batches.js'

/** What a step is compiled for. */
export interface StepShape {
  /** B, sequences. */
  readonly batch: number
  /** T, tokens of each. */
  readonly length: number
  /** S, supervised positions in all sequences together. */
  readonly supervised: number
}

export interface BatchSize {
  readonly sequences: number
  readonly length: number
  readonly supervised: number
}

/** What a micro-batch needs at least. */
export function sizeOf(rows: TokenRows, batch: MicroBatch): BatchSize {
  let [length, supervised] = [0, 0]
  for (const sequence of batch) {
    length = Math.max(length, sequence.reduce((n, row) => n + rowLength(rows, row), 0))
    for (const row of sequence) supervised += supervisedInRow(rows, row)
  }
  return { sequences: batch.length, length, supervised }
}

const granularity = 16
const roundUp = (n: number) => Math.max(granularity, Math.ceil(n / granularity) * granularity)
const mostShapes = 4
/** What compiling one more shape costs, in steps of the largest: an estimate that keeps small runs at one or two shapes. */
const compileSteps = 4

/**
 * The few shapes that serve all micro-batches at the least estimated cost, found by dynamic programming over their lengths. A pure
 * function of the run's plan, so that a resumed run computes with the same shapes, which decide the last bits of the result.
 * `tokenCost` and `supervisedCost` are the work of a position in the layers and in the head, in any unit.
 */
export function chooseShapes(sizes: readonly BatchSize[], { tokenCost, supervisedCost }: { tokenCost: number; supervisedCost: number }): StepShape[] {
  const batch = Math.max(...sizes.map(s => s.sequences))
  const byLength = new Map<number, { length: number; supervised: number; count: number }>()
  for (const size of sizes) {
    const length = roundUp(size.length)
    const group = byLength.get(length) ?? { length, supervised: 0, count: 0 }
    group.supervised = Math.max(group.supervised, roundUp(size.supervised))
    group.count++
    byLength.set(length, group)
  }
  const groups = [...byLength.values()].sort((a, b) => a.length - b.length)
  const cost = (length: number, supervised: number) => batch * length * tokenCost + supervised * supervisedCost
  const largest = cost(groups.at(-1)!.length, Math.max(...groups.map(g => g.supervised)))
  // best[k][i]: the least cost of serving groups[0..i) with k shapes, and where the last of these begins.
  let best = groups.map(() => ({ cost: Infinity, shapes: [] as StepShape[] }))
  best = [{ cost: 0, shapes: [] }, ...best]
  let winner = { cost: Infinity, shapes: [] as StepShape[] }
  for (let k = 1; k <= Math.min(mostShapes, groups.length); k++) {
    const next = Array.from({ length: groups.length + 1 }, () => ({ cost: Infinity, shapes: [] as StepShape[] }))
    for (let end = 1; end <= groups.length; end++) {
      let [supervised, count] = [0, 0]
      for (let start = end - 1; start >= 0; start--) {
        supervised = Math.max(supervised, groups[start]!.supervised)
        count += groups[start]!.count
        const total = best[start]!.cost + count * cost(groups[end - 1]!.length, supervised) + compileSteps * largest
        if (total < next[end]!.cost) next[end] = { cost: total, shapes: [...best[start]!.shapes, { batch, length: groups[end - 1]!.length, supervised }] }
      }
    }
    best = next
    if (best.at(-1)!.cost < winner.cost) winner = best.at(-1)!
  }
  return winner.shapes
}

/** The first shape, in the order of chooseShapes, that holds a micro-batch. */
export function shapeFor(shapes: readonly StepShape[], size: BatchSize): StepShape {
  const shape = shapes.find(s => s.length >= size.length && s.supervised >= size.supervised && s.batch >= size.sequences)
  if (!shape) throw new Error(`Internal: no shape for ${JSON.stringify(size)} among ${JSON.stringify(shapes)}`)
  return shape
}
