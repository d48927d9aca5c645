import type { Metric } from './metric.js'
import { exactMatch, exactMatchNormalized, f1 } from './squad.js'

export type { Metric, ScoredRow } from './metric.js'
export { meanMetric } from './metric.js'
export { exactMatch, exactMatchNormalized, f1, normalizeAnswer, wordF1 } from './squad.js'
export { mean, normalInterval, pairedBootstrap, pairedDifference, standardError, wilsonInterval } from './statistics.js'
export type { Difference, Interval } from './statistics.js'
export { aggregateByTask, scoreRows } from './evaluate.js'
export type { RowToScore, Scored } from './evaluate.js'

/** The metrics there are without a plugin, in the order of their documentation. */
export const builtInMetrics: readonly Metric[] = [exactMatch, exactMatchNormalized, f1]
