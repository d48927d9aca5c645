export { encodeContinuation, scoreContinuations, truncateLeft, type Continuation, type ScoredContinuation } from './continuation.js'
export { llamaScorer } from './llama-scorer.js'
export { rollingWindows } from './rolling.js'
export type { ScoredSequence, Scorer, SequenceToScore } from './scorer.js'
