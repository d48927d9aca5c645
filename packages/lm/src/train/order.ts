import { uniform } from '../random/philox.js'

/**
 * The order in which an epoch takes the rows: each row draws a number that is a function of seed, epoch and row alone (Philox4x32-10),
 * and the rows are sorted by it. No state, so any epoch can be had at once, and a resumed run sees what an undisturbed one saw.
 */
export function epochOrder(rows: number, seed: number, epoch: number): Int32Array {
  const keys = new Float64Array(rows)
  for (let row = 0; row < rows; row++) keys[row] = uniform(seed, epoch, row)
  return Int32Array.from({ length: rows }, (_, row) => row).sort((a, b) => keys[a]! - keys[b]! || a - b)
}
