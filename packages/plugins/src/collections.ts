import { defineCollection } from 'hone-engine'
import type { Metric } from 'hone-lm'
import type { Category } from './error-analyze/category.js'
import { categoryNames } from './error-analyze/category-names.js'
import { metricNames } from './evaluate/metric-names.js'

/** What plugins may provide beside what hone has: `provides: [{ token: collections.metrics, name, summary, load }]`. */
export const collections = {
  /** Named under `metrics:`. */
  metrics: defineCollection<Metric>('metric', { known: metricNames }),
  /** Named under `categories:`, where `all` stands for those of hone. */
  categories: defineCollection<Category>('error category', { known: ['all', ...categoryNames] }),
  /** Jinja source, named under `template:`. */
  templates: defineCollection<string>('chat template', { known: ['none', 'chatml', 'plain'], literal: '\\{[{%]' }),
}
