export const schedules = ['constant', 'linear', 'cosine'] as const
export type ScheduleName = (typeof schedules)[number]

export interface ScheduleOptions {
  readonly schedule: ScheduleName
  readonly learningRate: number
  readonly warmupSteps: number
  /** All steps of the run. */
  readonly steps: number
}

/** Steps of warm-up from a share of all steps, rounded up as in Hugging Face's Trainer. */
export const warmupFromRatio = (ratio: number, steps: number): number => Math.ceil(steps * ratio)

/**
 * The learning rate of a step, counted from 0, as transformers' get_scheduler gives it: rising from 0 over the warm-up (so that step 0
 * has a rate of 0 where there is one), then constant, a line down to 0, or half a cosine down to 0.
 */
export function learningRateAt(step: number, { schedule, learningRate, warmupSteps, steps }: ScheduleOptions): number {
  if (step < warmupSteps) return learningRate * (step / Math.max(1, warmupSteps))
  const span = Math.max(1, steps - warmupSteps)
  switch (schedule) {
    case 'constant': return learningRate
    case 'linear': return learningRate * Math.max(0, (steps - step) / span)
    case 'cosine': return learningRate * Math.max(0, 0.5 * (1 + Math.cos((Math.PI * (step - warmupSteps)) / span)))
    default: return schedule satisfies never
  }
}
