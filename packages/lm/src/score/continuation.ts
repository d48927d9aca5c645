import type { Tokenizer } from '../text/types.js'
import type { ScoredSequence, Scorer, SequenceToScore } from './scorer.js'

export interface Continuation {
  readonly context: string
  /** With the separator that stands before it, mostly a space. Not empty. */
  readonly continuation: string
}

export interface ScoredContinuation {
  /** The sum of the log-probabilities of its tokens, in nats. */
  readonly logLikelihood: number
  /** Whether greedy decoding would give it. */
  readonly isGreedy: boolean
  /** How many tokens it has. */
  readonly tokens: number
}

/**
 * The tokens of context and continuation as one text, split where those of the context alone end (as in
 * lm-evaluation-harness): white space at the end of the context counts as part of the continuation, since tokenizers put a space
 * in front of a word. An empty context is `prefixId`, without which there is nothing to condition on: undefined.
 */
export function encodeContinuation(tokenizer: Pick<Tokenizer, 'encode'>, { context, continuation }: Continuation, prefixId: number | undefined): SequenceToScore | undefined {
  const bare = context.trimEnd()
  const after = context.slice(bare.length) + continuation
  if (bare === '') return prefixId === undefined ? undefined : withPrefix(prefixId, tokenizer.encode(after))
  const ids = tokenizer.encode(bare + after)
  // A token that spans the border belongs to the continuation; at least one token must.
  return { ids, from: Math.max(1, Math.min(tokenizer.encode(bare).length, ids.length - 1)) }
}

const withPrefix = (prefixId: number, ids: number[]): SequenceToScore | undefined => (ids.length === 0 ? undefined : { ids: [prefixId, ...ids], from: 1 })

/** Without the beginning of its context, so that at most `maxLength` tokens are fed; undefined where scored ones would go too. */
export function truncateLeft({ ids, from }: SequenceToScore, maxLength: number): SequenceToScore | undefined {
  const cut = Math.max(0, ids.length - 1 - maxLength)
  return cut < from ? { ids: ids.slice(cut), from: from - cut } : undefined
}

export const summarize = ({ logProbabilities, greedy }: ScoredSequence): ScoredContinuation => ({
  logLikelihood: logProbabilities.reduce((sum, value) => sum + value, 0),
  isGreedy: greedy.every(g => g === 1),
  tokens: logProbabilities.length,
})

/** Scores continuations that are encoded already, in their order. */
export async function scoreContinuations(scorer: Scorer, sequences: readonly SequenceToScore[], options?: Parameters<Scorer['score']>[1]): Promise<ScoredContinuation[]> {
  return (await scorer.score(sequences, options)).map(summarize)
}
