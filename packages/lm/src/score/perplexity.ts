import { rollingWindows } from './rolling.js'
import type { Scorer, SequenceToScore } from './scorer.js'

/** A text as tokens. `mask` says which of them count (as what is predicted); all where there is none. The first never counts. */
export interface TokensToMeasure {
  readonly ids: readonly number[]
  readonly mask?: readonly (0 | 1)[]
}

export interface Measured {
  /** How many tokens counted. */
  readonly tokens: number
  /** The sum of their negative log-likelihoods, in nats. */
  readonly nll: number
}

/** How badly a model predicts texts. A text longer than `window` is measured in windows that score each of its tokens once. */
export async function measure(scorer: Scorer, texts: readonly TokensToMeasure[], window: number, options?: Parameters<Scorer['score']>[1]): Promise<Measured[]> {
  const windows: { text: number; sequence: SequenceToScore; mask: readonly (0 | 1)[] | undefined }[] = []
  for (const [text, { ids, mask }] of texts.entries()) {
    let next = 1
    for (const { ids: seen, from } of rollingWindows(ids, window)) {
      const scored = seen.length - from
      const own = mask?.slice(next, next + scored)
      next += scored
      // Tokens before the first that counts are context and need no score.
      const skipped = own ? own.indexOf(1) : 0
      if (skipped >= 0) windows.push({ text, sequence: { ids: seen, from: from + skipped }, mask: own?.slice(skipped) })
    }
  }
  const results = texts.map(() => ({ tokens: 0, nll: 0 }))
  const scored = await scorer.score(windows.map(w => w.sequence), options)
  for (const [i, { text, mask }] of windows.entries()) {
    const total = results[text]!
    for (const [t, logProbability] of scored[i]!.logProbabilities.entries()) {
      if (mask && mask[t] !== 1) continue
      total.tokens++
      total.nll -= logProbability
    }
  }
  return results
}

/** `loss` is nats a token over all texts together, `perplexity` its exponential. Needs at least one token that counts. */
export function perplexityOf(measured: readonly Measured[]): { loss: number; perplexity: number; tokens: number; rows: number } {
  const tokens = measured.reduce((sum, m) => sum + m.tokens, 0)
  const loss = measured.reduce((sum, m) => sum + m.nll, 0) / tokens
  return { loss, perplexity: Math.exp(loss), tokens, rows: measured.length }
}
