import { mean, standardError } from '../metrics/statistics.js'

/** Log-likelihoods of the choices of one question, by choice. */
export interface ScoredChoices {
  readonly logLikelihoods: readonly number[]
  /** The choices' texts, by whose length `acc_norm` divides. */
  readonly choices: readonly string[]
  /** Which of them is right. */
  readonly gold: number
}

const largest = (values: readonly number[]): number => values.indexOf(Math.max(...values))

/** The choice that a model takes: the likeliest, or the likeliest by character (code point), as in lm-evaluation-harness. The first of equals. */
export const chosen = ({ logLikelihoods, choices }: Omit<ScoredChoices, 'gold'>) => ({
  byLikelihood: largest(logLikelihoods),
  byCharacter: largest(logLikelihoods.map((l, i) => l / Math.max(1, [...choices[i]!].length))),
})

/** The share of questions where it is the right one, `acc` and `acc_norm`, with standard errors from two questions on. */
export function choiceAccuracy(questions: readonly ScoredChoices[]): Record<string, number> {
  const picked = questions.map(chosen)
  const accuracy = (name: string, hits: readonly number[]) => ({ [name]: mean(hits), ...(hits.length > 1 && { [`${name}_stderr`]: standardError(hits) }) })
  return {
    rows: questions.length,
    ...accuracy('acc', picked.map((p, i) => (p.byLikelihood === questions[i]!.gold ? 1 : 0))),
    ...accuracy('acc_norm', picked.map((p, i) => (p.byCharacter === questions[i]!.gold ? 1 : 0))),
  }
}
