import type { StageContext } from 'hone-engine'
import { builtInMetrics, type Metric } from 'hone-lm'

/** The metrics that a stage is asked for: those of hone in their order, then those of plugins in that of the list. */
export function chosenMetrics({ params, services }: Pick<StageContext<{ readonly metrics: readonly string[] }>, 'params' | 'services'>): readonly Metric[] {
  const provided = services['metrics'] as ReadonlyMap<string, Metric>
  return [...builtInMetrics.filter(({ name }) => params.metrics.includes(name)), ...params.metrics.flatMap(name => (provided.has(name) ? named(name, provided.get(name)) : []))]
}

/** A metric of a plugin, whose faults are told by its name. */
function named(name: string, metric: Metric | undefined): Metric {
  if (typeof metric?.score !== 'function' || typeof metric.aggregate !== 'function') throw new Error(`the metric ${name} must be { name, summary, score, aggregate }, with functions to score a row and to aggregate rows`)
  const held = (what: 'score' | 'aggregate', ask: () => Readonly<Record<string, number>>) => {
    let answer: unknown
    try {
      answer = ask()
    } catch (error) {
      throw new Error(`the metric ${name} failed in ${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
    if (typeof answer !== 'object' || answer === null || !Object.values(answer).every(value => typeof value === 'number')) throw new Error(`the metric ${name} answers ${JSON.stringify(answer) ?? 'undefined'} in ${what}; numbers by their names are wanted: { ${name}: 0.5 }`)
    return answer as Readonly<Record<string, number>>
  }
  return {
    name,
    summary: metric.summary,
    score: (prediction, references) => held('score', () => metric.score(prediction, references)),
    aggregate: rows => held('aggregate', () => metric.aggregate(rows)),
  }
}
