import { uniform } from '../random/philox.js'

/** The 97.5% quantile of the normal distribution, for two-sided 95% intervals. */
export const Z95 = 1.959963984540054

export const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length

/** Standard error of the mean: the sample's standard deviation (n − 1) over √n. Needs two values. */
export function standardError(values: readonly number[]): number {
  const m = mean(values)
  const squares = values.reduce((sum, v) => sum + (v - m) ** 2, 0)
  return Math.sqrt(squares / (values.length - 1) / values.length)
}

export interface Interval {
  readonly low: number
  readonly high: number
}

/**
 * Wilson's 95% score interval of a share (Wilson, 1927), for metrics that are 0 or 1 a row: it stays within [0, 1] and holds its
 * level at few rows and at shares near 0 and 1, where mean ± 1.96 standard errors does not.
 */
export function wilsonInterval(successes: number, n: number): Interval {
  const p = successes / n
  const z2 = Z95 ** 2
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n)
  const half = (Z95 / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n))
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) }
}

/** The 95% interval of a mean by the normal approximation: mean ± 1.96 standard errors. */
export const normalInterval = (centre: number, stderr: number): Interval => ({ low: centre - Z95 * stderr, high: centre + Z95 * stderr })

export interface Difference extends Interval {
  /** mean(b) − mean(a). */
  readonly difference: number
  readonly stderr: number
  readonly n: number
}

const paired = (a: readonly number[], b: readonly number[]) => {
  if (a.length !== b.length) throw new RangeError(`A paired difference needs equally many values on both sides; got ${a.length} and ${b.length}`)
  if (a.length < 2) throw new RangeError(`A paired difference needs at least two rows; got ${a.length}`)
  return b.map((value, i) => value - a[i]!)
}

/**
 * How much better `b` is than `a` on the same rows, with the 95% interval of the mean of the row-wise differences (normal
 * approximation). Narrower than comparing two separate intervals, since what makes a row hard is on both sides.
 * Throws RangeError where the lengths differ or fewer than two rows are given.
 */
export function pairedDifference(a: readonly number[], b: readonly number[]): Difference {
  const differences = paired(a, b)
  const difference = mean(differences)
  const stderr = standardError(differences)
  return { difference, stderr, n: a.length, ...normalInterval(difference, stderr) }
}

/** The same by resampling rows: the 2.5% and 97.5% percentiles of the mean of `resamples` draws with replacement. */
export function pairedBootstrap(a: readonly number[], b: readonly number[], options: { seed?: number; resamples?: number } = {}): Difference {
  const { seed = 0, resamples = 2000 } = options
  const differences = paired(a, b)
  const n = differences.length
  const means = new Float64Array(resamples)
  for (let r = 0; r < resamples; r++) {
    let sum = 0
    for (let i = 0; i < n; i++) sum += differences[Math.floor(uniform(seed, r, i) * n)]!
    means[r] = sum / n
  }
  means.sort()
  const at = (share: number) => {
    const place = share * (resamples - 1)
    const below = Math.floor(place)
    const low = means[below]!
    return low + (place - below) * ((means[below + 1] ?? low) - low)
  }
  const centre = mean([...means])
  const stderr = Math.sqrt(means.reduce((sum, m) => sum + (m - centre) ** 2, 0) / (resamples - 1))
  return { difference: mean(differences), stderr, n, low: at(0.025), high: at(0.975) }
}
