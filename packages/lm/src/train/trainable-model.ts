import type { Executable, TensorSpec } from '../tensor/types.js'
import type { StepShape } from './shapes.js'

/**
 * What the loop trains: compiled steps and their parameters. Both programs take the feeds of `BatchFeeds`, what is in `frozen`, and each
 * trained tensor by name; they give `loss`, the sum of weights × negative log-likelihood. That of training also gives the gradients.
 */
export interface TrainableModel {
  readonly trainable: readonly TensorSpec[]
  /** Fed as they are at every run. */
  readonly frozen: Readonly<Record<string, Float32Array>>
  /** The output that is a parameter's gradient; undefined where only `lookup` gives one. */
  gradientName(parameter: string): string | undefined
  /** A table whose rows are looked up by `ids`: its gradient comes (also) as one row a token, [B · T, width], to be added up here. */
  readonly lookup?: { readonly parameter: string; readonly output: string; readonly width: number } | undefined
  /** How many dropout masks a training step draws; its program then also takes `dropout` int32 [sites, B · T]. None by default. */
  readonly dropoutSites?: number
  readonly vocabularySize: number
  /** The work of a token in the layers, and of a supervised one in the head, in one unit. */
  readonly tokenCost: number
  readonly supervisedCost: number
  compileTrain(shape: StepShape): Promise<Executable>
  compileEvaluate(shape: StepShape): Promise<Executable>
  /** Writes a parameter's first value. */
  initialise(name: string, value: Float32Array): Promise<void>
}
