import { CheckpointError } from '../checkpoint/checkpoint-error.js'
import type { TensorSource } from '../tensor/types.js'
import { llamaParameters, type LlamaConfig } from './llama-config.js'

/** Checks by the headers that a model's weights are those that its config describes. Throws CheckpointError. */
export function fitWeights(dir: string, config: LlamaConfig, weights: TensorSource): void {
  for (const { name, shape } of llamaParameters(config)) {
    if (!weights.has(name)) throw new CheckpointError(dir, `lacks the weights "${name}"`)
    if (weights.shape(name).join() !== shape.join()) {
      throw new CheckpointError(dir, `"${name}" has the shape [${weights.shape(name).join(', ')}], config.json says [${shape.join(', ')}]`)
    }
  }
}
