/** The metrics that a list of metrics may hold; a test compares them with those that `hone-lm` has. */
export const metricNames = ['exact_match', 'exact_match_normalized', 'f1'] as const

export type MetricName = (typeof metricNames)[number]

/** The schema of a parameter `metrics`. */
export const metricsSchema = {
  type: 'array',
  items: { enum: [...metricNames] },
  minItems: 1,
  uniqueItems: true,
  default: ['exact_match', 'exact_match_normalized', 'f1'],
  description: 'Which metrics: exact_match (the strings are equal), exact_match_normalized and f1 (as SQuAD v1.1 computes them).',
}
