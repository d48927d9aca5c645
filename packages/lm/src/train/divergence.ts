import type { StepRecord } from './history.js'

const windowSteps = 20
const fewestSteps = 4
/** Tokens that the loss at the start is measured over at least: one short row says little. */
const startTokens = 256
const startSteps = 10
const marginNats = 2

const meanLoss = (steps: readonly StepRecord[]) => {
  let [sum, tokens] = [0, 0]
  for (const s of steps) {
    sum += s.loss * s.supervisedTokens
    tokens += s.supervisedTokens
  }
  return sum / tokens
}

/** The loss that a run may not exceed for long: 2 nats (7.4 times the perplexity) above its start, which counts as ln V at most. */
export function divergenceLimit(steps: readonly StepRecord[], vocabularySize: number): number {
  let n = 0
  for (let tokens = 0; n < Math.min(startSteps, steps.length) && tokens < startTokens; n++) tokens += steps[n]!.supervisedTokens
  return Math.min(meanLoss(steps.slice(0, n)), Math.log(vocabularySize)) + marginNats
}

/** What is wrong with the last step, if anything; asked before its update. A run shorter than the window is judged at its end, by its second half. */
export function divergence(steps: readonly StepRecord[], vocabularySize: number, isEnd = false): string | undefined {
  const last = steps.at(-1)!
  if (!Number.isFinite(last.loss)) return `the loss is ${last.loss}`
  if (!Number.isFinite(last.gradientNorm)) return `the gradient is not finite (loss ${last.loss.toFixed(3)})`
  const window = steps.length > windowSteps ? windowSteps : isEnd && steps.length >= fewestSteps ? Math.ceil(steps.length / 2) : undefined
  if (window === undefined) return undefined
  const recent = meanLoss(steps.slice(-window))
  const limit = divergenceLimit(steps, vocabularySize)
  return recent > limit ? `the loss was ${recent.toFixed(2)} over the last ${window} steps, at the start ${(limit - marginNats).toFixed(2)}` : undefined
}

/** Whether the present state is worth keeping as a good checkpoint: the last step was not above the limit. */
export const isHealthy = (steps: readonly StepRecord[], vocabularySize: number): boolean =>
  steps.length === 0 || steps.at(-1)!.loss <= divergenceLimit(steps, vocabularySize)
