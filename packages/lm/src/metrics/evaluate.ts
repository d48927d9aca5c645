import type { Metric, ScoredRow } from './metric.js'

export interface RowToScore {
  readonly prediction: string
  readonly references: readonly string[]
  readonly task?: string
}

export interface Scored {
  /** Of each row, in order: the columns of all metrics. */
  readonly rows: readonly Readonly<Record<string, number>>[]
  /** Flat: `exact_match`, `exact_match_stderr`, …, `rows`; with tasks also each by task, `kind/exact_match`. */
  readonly metrics: Readonly<Record<string, number>>
}

/**
 * Totals over rows and, where rows have a task, by task as `TASK/NAME`, tasks in the order of their first row. Rows without a
 * task count in the total alone.
 */
export function aggregateByTask<R extends { readonly task?: string }>(
  rows: readonly R[],
  aggregate: (rows: readonly R[]) => Readonly<Record<string, number>>,
): Record<string, number> {
  const metrics: Record<string, number> = { ...aggregate(rows) }
  const tasks = new Map<string, R[]>()
  for (const row of rows) {
    if (row.task === undefined) continue
    const members = tasks.get(row.task)
    if (members) members.push(row)
    else tasks.set(row.task, [row])
  }
  for (const [task, members] of tasks) {
    for (const [name, value] of Object.entries(aggregate(members))) metrics[`${task}/${name}`] = value
  }
  return metrics
}

/** Scores rows that have at least one reference each by every metric. Needs at least one row. */
export function scoreRows(metrics: readonly Metric[], rows: readonly RowToScore[]): Scored {
  const byMetric = rows.map(row => metrics.map(metric => metric.score(row.prediction, row.references)))
  const scored = rows.map((row, i) => ({ ...row, i }))
  return {
    rows: byMetric.map(scores => Object.assign({}, ...scores) as Record<string, number>),
    metrics: aggregateByTask(scored, members => {
      const totals: Record<string, number> = { rows: members.length }
      metrics.forEach((metric, m) => {
        const own: ScoredRow[] = members.map(row => ({ prediction: row.prediction, references: row.references, scores: byMetric[row.i]![m]! }))
        Object.assign(totals, metric.aggregate(own))
      })
      return totals
    }),
  }
}
