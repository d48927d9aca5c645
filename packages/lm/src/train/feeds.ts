import type { TokenRows } from '../text/types.js'
import type { MicroBatch } from './batches.js'
import type { StepShape } from './shapes.js'

/** A micro-batch as a compiled step takes it. B, T and S are the shape's. */
export type BatchFeeds = {
  /** [B, T]; 0 where padding stands. */
  readonly ids: Int32Array
  /** [B, T]; they start again at 0 with each row. */
  readonly positions: Int32Array
  /** [B, T]; 1, 2, … by row, 0 for padding. A token attends to its own segment alone. */
  readonly segments: Int32Array
  /** [S]; where in the flattened [B · T] the token before a supervised one stands. */
  readonly select: Int32Array
  /** [S]; the supervised token itself. */
  readonly targets: Int32Array
  /** [S]; 1, and 0 where a place is not used. */
  readonly weights: Float32Array
}

export const makeFeeds = ({ batch, length, supervised }: StepShape): BatchFeeds => ({
  ids: new Int32Array(batch * length),
  positions: new Int32Array(batch * length),
  segments: new Int32Array(batch * length),
  select: new Int32Array(supervised),
  targets: new Int32Array(supervised),
  weights: new Float32Array(supervised),
})

/** Lays the rows of a micro-batch out in feeds of its shape. Answers how many tokens are supervised, and how many there are. */
export function fillFeeds(rows: TokenRows, micro: MicroBatch, { length }: StepShape, feeds: BatchFeeds): { supervised: number; tokens: number } {
  for (const array of Object.values(feeds)) array.fill(0)
  let [supervised, tokens] = [0, 0]
  micro.forEach((sequence, b) => {
    let at = b * length
    sequence.forEach((row, segment) => {
      const start = rows.offsets[row]!
      const end = rows.offsets[row + 1]!
      for (let i = start; i < end; i++, at++) {
        feeds.ids[at] = rows.ids[i]!
        feeds.positions[at] = i - start
        feeds.segments[at] = segment + 1
        if (i > start && rows.mask[i]) {
          feeds.select[supervised] = at - 1
          feeds.targets[supervised] = rows.ids[i]!
          feeds.weights[supervised] = 1
          supervised++
        }
      }
      tokens += end - start
    })
  })
  return { supervised, tokens }
}
