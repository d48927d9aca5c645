import type { StageContext } from 'hone-engine'
import { builtInMetrics, type Metric } from 'hone-lm'

/** The metrics that a stage is asked for: those of hone in their order, then those of plugins in that of the list. */
export function chosenMetrics({ params, services }: Pick<StageContext<{ readonly metrics: readonly string[] }>, 'params' | 'services'>): readonly Metric[] {
  const provided = services['metrics'] as ReadonlyMap<string, Metric>
  return [...builtInMetrics.filter(({ name }) => params.metrics.includes(name)), ...params.metrics.flatMap(name => provided.get(name) ?? [])]
}
