import { readWeights, type LanguageModel } from '../generate/language-model.js'
import type { ComputeOptions } from '../generate/llama-decoder.js'
import { llamaScorer } from './llama-scorer.js'
import type { Scorer } from './scorer.js'

/** Reads the weights of a model and scores with it. */
export const makeScorer = async (model: LanguageModel, options: ComputeOptions): Promise<Scorer & { dispose(): Promise<void> }> =>
  llamaScorer(model.config, await readWeights(model), options)
