/** The metrics of hone that a list of metrics may hold; a test compares them with those that `hone-lm` has. */
export const metricNames = ['exact_match', 'exact_match_normalized', 'f1'] as const

/** The schema of a parameter `metrics`. */
export const metricsSchema = {
  type: 'array',
  items: { type: 'string', provided: 'metrics' },
  minItems: 1,
  uniqueItems: true,
  default: ['exact_match', 'exact_match_normalized', 'f1'],
  description: 'Which metrics: exact_match (the strings are equal), exact_match_normalized and f1 (as SQuAD v1.1 computes them), or those of plugins.',
}
