import { loadCheckpoint, saveCheckpoint, type LoadedCheckpoint } from './checkpoint.js'
import type { TrainHistory } from './history.js'
import type { Parameter } from './parameters.js'
import type { StepShape } from './shapes.js'

/** What a run is going to do, as far as a shorter one must have done the same. */
export interface Course {
  readonly steps: number
  readonly shapes: readonly StepShape[]
  /** Of a step, counted from 0. */
  learningRateAt(step: number): number
  /** Whether the held-out rows are looked at after so many steps. */
  evaluatesAt(step: number): boolean
}

// Data, parameters and settings are the same where a prior is offered; the shapes, which decide the last bits, follow from all steps together.
const identityOf = ({ shapes }: Course): string => JSON.stringify(shapes)

/** Keeps the end of a run, so that one with more steps can go on from it. */
export async function keepEnd(dir: string, course: Course, parameters: readonly Parameter[], history: TrainHistory): Promise<void> {
  await saveCheckpoint(dir, identityOf(course), course.steps, parameters, history)
}

/** Fills the parameters from the first of the ended runs in `dirs` after which this one would do the very same; of each other `onRefused` hears why. */
export async function goOnFrom(dirs: readonly string[], course: Course, parameters: readonly Parameter[], onRefused: (reason: string) => void): Promise<LoadedCheckpoint | undefined> {
  for (const dir of dirs) {
    const loaded = await loadCheckpoint(dir, identityOf(course), parameters, onRefused, {
      otherIdentity: 'with other steps its batches are computed in other shapes, which changes the last bits',
      refuse: (step, history) => {
        if (step > course.steps) return `it has ${step} steps, this run ${course.steps}`
        const other = history.steps.findIndex((record, i) => record.learningRate !== course.learningRateAt(i))
        return other < 0 ? undefined : `step ${other + 1} has another learning rate here`
      },
    })
    if (!loaded) continue
    // Its end is looked at in any case; here only where this run would.
    const { steps, evaluations, samples } = loaded.history
    const isDue = ({ step }: { readonly step: number }) => course.evaluatesAt(step)
    return { ...loaded, history: { steps, evaluations: evaluations.filter(isDue), samples: samples.filter(isDue) } }
  }
  return undefined
}
