import type { TokenRows } from '../text/types.js'
import { epochOrder } from './order.js'
import { packRows } from './pack.js'

/** The rows that lie in one sequence, one after the other. */
export type Sequence = readonly number[]
/** The sequences of one forward and backward pass. */
export type MicroBatch = readonly Sequence[]

/** One update of the parameters. */
export interface PlannedStep {
  readonly epoch: number
  readonly microBatches: readonly MicroBatch[]
}

export interface BatchOptions {
  readonly seed: number
  /** May have a fraction, as in Hugging Face's Trainer. */
  readonly epochs: number
  /** Ends (or goes on with further epochs) after so many steps, whatever `epochs` says. */
  readonly maxSteps?: number | undefined
  /** Rows of a micro-batch; with `pack` sequences. */
  readonly batchSize: number
  readonly accumulationSteps: number
  readonly pack: boolean
  /** The length of a packed sequence. */
  readonly maxLength: number
}

/** All steps of a run, had one by one. */
export interface BatchPlan {
  readonly steps: number
  /** Steps of each epoch that the run touches; the last may be cut short. */
  readonly epochSteps: readonly number[]
  step(index: number): PlannedStep
}

export const rowLength = (rows: TokenRows, row: number): number => rows.offsets[row + 1]! - rows.offsets[row]!

/** Tokens of a row that count in the loss: those that are supervised and have a token before them to be foretold from. */
export function supervisedInRow(rows: TokenRows, row: number): number {
  let n = 0
  for (let i = rows.offsets[row]! + 1; i < rows.offsets[row + 1]!; i++) n += rows.mask[i]!
  return n
}

/** Rows that have something to learn. */
export const usableRows = (rows: TokenRows): number[] =>
  Array.from({ length: rows.exampleIds.length }, (_, row) => row).filter(row => supervisedInRow(rows, row) > 0)

const chunks = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))

/**
 * Lays out a run over `usable` rows. As in Hugging Face's Trainer, the last micro-batch of an epoch may hold fewer rows, the last step
 * of an epoch fewer micro-batches, and no step crosses an epoch.
 */
export function planBatches(rows: TokenRows, usable: readonly number[], options: BatchOptions): BatchPlan {
  if (usable.length === 0) throw new RangeError('There is no row with a supervised token to train on')
  const { seed, batchSize, accumulationSteps, pack, maxLength, epochs, maxSteps } = options
  const planEpoch = (epoch: number): MicroBatch[][] => {
    const order = Array.from(epochOrder(usable.length, seed, epoch), i => usable[i]!)
    const sequences = pack ? packRows(order, row => rowLength(rows, row), maxLength) : order.map(row => [row])
    return chunks(chunks(sequences, batchSize), accumulationSteps)
  }
  const stepsOf = (epoch: number) =>
    pack ? planEpoch(epoch).length : Math.ceil(Math.ceil(usable.length / batchSize) / accumulationSteps)

  const epochSteps: number[] = []
  let steps = 0
  const whole = Math.floor(epochs)
  const wanted = () => maxSteps ?? Infinity
  for (let epoch = 0; steps < wanted() && (maxSteps !== undefined || epoch < epochs); epoch++) {
    const all = stepsOf(epoch)
    // The fraction of the last epoch, rounded up: ceil(epochs × steps of an epoch).
    const share = maxSteps === undefined && epoch === whole ? Math.ceil(Number((epochs - whole).toFixed(9)) * all) : all
    const taken = Math.min(share, wanted() - steps)
    epochSteps.push(taken)
    steps += taken
  }

  const starts = epochSteps.map((_, e) => epochSteps.slice(0, e).reduce((a, b) => a + b, 0))
  let cached: { epoch: number; steps: MicroBatch[][] } | undefined
  return {
    steps,
    epochSteps,
    step(index) {
      if (index < 0 || index >= steps) throw new Error(`Internal: step ${index} of ${steps}`)
      let epoch = starts.length - 1
      while (starts[epoch]! > index) epoch--
      if (cached?.epoch !== epoch) cached = { epoch, steps: planEpoch(epoch) }
      return { epoch, microBatches: cached.steps[index - starts[epoch]!]! }
    },
  }
}

/** The rows in their own order, for evaluation. Packed sequences give the same losses in less time. */
export function planEvaluation(rows: TokenRows, usable: readonly number[], { batchSize, pack, maxLength }: Pick<BatchOptions, 'batchSize' | 'pack' | 'maxLength'>): MicroBatch[] {
  return chunks(pack ? packRows(usable, row => rowLength(rows, row), maxLength) : usable.map(row => [row]), batchSize)
}
