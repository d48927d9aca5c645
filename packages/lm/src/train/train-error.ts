/** The signal was given: the step in progress was finished and a checkpoint written, where there is a folder for it. */
export class Interrupted extends Error {
  readonly step: number
  constructor(step: number) {
    super(`Interrupted after step ${step}`)
    this.name = 'Interrupted'
    this.step = step
  }
}

/** Training went astray and was stopped. `checkpoint` is the last good one, if there is any. */
export class Diverged extends Error {
  readonly step: number
  readonly checkpoint: string | undefined
  constructor(step: number, what: string, checkpoint: string | undefined) {
    super(`Training diverged at step ${step}: ${what}`)
    this.name = 'Diverged'
    this.step = step
    this.checkpoint = checkpoint
  }
}
