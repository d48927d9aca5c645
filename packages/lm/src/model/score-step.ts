import * as tf from '@tensorflow/tfjs-core'
import { compileProgram, type Engine } from '../tensor/engine.js'
import { logProbabilities } from '../tensor/ops/linear-cross-entropy.js'
import type { Executable, TensorSpec } from '../tensor/types.js'
import { llamaParameters, type LlamaConfig } from './llama-config.js'
import { attendWithinSegments, embed, llamaHidden, llamaLogits, plainLlama } from './llama.js'
import { batchInputs, divideFrozen, type BatchShape, type StepOptions } from './train-step.js'

export interface ScoreOptions extends BatchShape {
  readonly engine: Engine
  readonly threads: number
  /** As under `StepOptions`: weights that become part of the program. */
  readonly frozen?: StepOptions['frozen']
}

export interface ScoreStep {
  /**
   * Inputs `ids`, `positions`, `segments` [B·T], `select`, `targets` [S], all int32, as in a train step. Outputs: `log-probabilities` float32
   * [S], natural, of each target; `greedy` int32 [S], 1 where it is the likeliest token.
   */
  readonly executable: Executable
  /** The parameters that are inputs. */
  readonly parameters: readonly TensorSpec[]
}

/** Compiles how likely given next tokens are. An adapter is merged before (`mergeLora`). */
export async function compileScore(config: LlamaConfig, options: ScoreOptions): Promise<ScoreStep> {
  const { batch: B, length: T, supervised: S } = options
  const { fed, constants } = await divideFrozen(llamaParameters(config), options.frozen)
  const executable = await compileProgram({
    inputs: [...batchInputs(B, T, S).filter(i => i.name !== 'weights'), ...fed],
    constants,
    build: input => {
      const model = plainLlama(config, input)
      const hidden = llamaHidden(model, embed(model, input('ids')), input('positions'), T, attendWithinSegments(input('segments'), B, T))
      const logits = llamaLogits(model, tf.gather(hidden, input('select') as tf.Tensor1D)) // [S, V]
      const targets = input('targets')
      return {
        'log-probabilities': logProbabilities(logits, targets),
        greedy: tf.cast(tf.equal(tf.argMax(logits, 1), targets), 'int32'),
      }
    },
  }, options)
  return { executable, parameters: fed }
}
