/** One update: what the report draws. */
export interface StepRecord {
  /** Counted from 1. */
  readonly step: number
  /** Mean negative log-likelihood of the step's supervised tokens, in nats, before its update. */
  readonly loss: number
  readonly learningRate: number
  /** Of the gradients of that mean, before clipping. */
  readonly gradientNorm: number
  readonly supervisedTokens: number
  /** Tokens without padding. */
  readonly tokens: number
}

export interface EvaluationRecord {
  /** Updates done before it; 0 is the model as it came. */
  readonly step: number
  readonly loss: number
  readonly perplexity: number
}

/** The same held-out question with the answer of the model at that step. */
export interface SampleRecord {
  readonly step: number
  readonly prompt: string
  readonly reference: string
  readonly prediction: string
}

/** All that a run leaves to tell. It is part of a checkpoint and holds no times, so that a resumed run tells the same. */
export interface TrainHistory {
  readonly steps: StepRecord[]
  readonly evaluations: EvaluationRecord[]
  readonly samples: SampleRecord[]
}

export const emptyHistory = (): TrainHistory => ({ steps: [], evaluations: [], samples: [] })
