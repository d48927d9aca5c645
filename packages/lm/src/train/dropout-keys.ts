import { philox } from '../random/philox.js'
import { dropoutKey } from '../tensor/ops/dropout.js'
import type { TokenRows } from '../text/types.js'
import type { MicroBatch } from './batches.js'
import type { StepShape } from './shapes.js'

/** What sets these numbers apart from those that the order of the rows is drawn from. */
const purpose = 0x64726f70

/**
 * The numbers from which a step draws what it drops: int32 [sites, B · T]. That of a token is a function of seed, step, row, place in the row
 * and site alone (Philox4x32-10), so that neither a resumed run nor a batch split or packed in another way drops anything else.
 */
export function dropoutKeys(rows: TokenRows, micro: MicroBatch, { batch, length }: StepShape, { sites, seed, step }: { sites: number; seed: number; step: number }): Int32Array {
  const keys = new Int32Array(sites * batch * length).fill(dropoutKey(0))
  const key = [seed >>> 0, (Math.floor(seed / 2 ** 32) ^ purpose) >>> 0] as const
  micro.forEach((sequence, b) => {
    let at = b * length
    for (const row of sequence) {
      const tokens = rows.offsets[row + 1]! - rows.offsets[row]!
      for (let place = 0; place < tokens; place++, at++) {
        for (let site = 0; site < sites; site += 4) {
          const words = philox([site >>> 2, place, row, step], key)
          for (let j = 0; j < 4 && site + j < sites; j++) keys[(site + j) * batch * length + at] = dropoutKey(words[j]!)
        }
      }
    }
  })
  return keys
}
