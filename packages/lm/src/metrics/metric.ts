import { mean, standardError } from './statistics.js'

/** What a metric's totals are computed from. `scores` is what the metric itself gave for the row. */
export interface ScoredRow {
  readonly prediction: string
  readonly references: readonly string[]
  readonly scores: Readonly<Record<string, number>>
}

/** Compares predictions with references: row by row for the `scores` artifact, and over all rows for `metrics`. */
export interface Metric {
  readonly name: string
  readonly summary: string
  /** Column → value of one row. Of several references the best counts. */
  score(prediction: string, references: readonly string[]): Readonly<Record<string, number>>
  /** Name → value over one row or more; means for most metrics, a corpus value where the metric has one. */
  aggregate(rows: readonly ScoredRow[]): Readonly<Record<string, number>>
}

/** A metric with one number a row, whose total is the mean, with its standard error as `NAME_stderr` from two rows on. */
export const meanMetric = (name: string, summary: string, score: (prediction: string, reference: string) => number): Metric => ({
  name,
  summary,
  score: (prediction, references) => ({ [name]: Math.max(...references.map(reference => score(prediction, reference))) }),
  aggregate: rows => {
    const values = rows.map(row => row.scores[name] ?? 0)
    return { [name]: mean(values), ...(values.length > 1 && { [`${name}_stderr`]: standardError(values) }) }
  },
})
