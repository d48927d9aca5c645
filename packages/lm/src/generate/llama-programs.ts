import * as tf from '@tensorflow/tfjs-core'
import { attendAfter, attendWithinSegments, embed, keeping, llamaHidden, llamaLogits, plainLlama } from '../model/llama.js'
import { llamaParameters, type LlamaConfig } from '../model/llama-config.js'
import type { ConstantSpec, ProgramDefinition } from '../tensor/trace.js'
import type { TensorSpec } from '../tensor/types.js'

// R rows (slots), T tokens, C the capacity of the cache; L layers, K key-value heads, D their size; V vocabulary.

/** Keys and values of all layers side by side, [2·L, …shape]. */
const stack = (kept: { keys: tf.Tensor[]; values: tf.Tensor[] }, reorder: (t: tf.Tensor) => tf.Tensor): tf.Tensor =>
  tf.concat([...kept.keys, ...kept.values].map(t => tf.expandDims(reorder(t), 0)), 0)

/**
 * Reads R prompts of at most T tokens. Inputs `ids`, `positions`, `segments` [R·T], `last` [R] (the flat position of each prompt's last
 * token), and the parameters. Outputs `logits` [R, V], `cache` [2·L, R, K, T, D].
 */
export function readProgram(config: LlamaConfig, R: number, T: number): ProgramDefinition {
  const { keyValueHeads: K, headSize: D } = config
  return {
    inputs: [...['ids', 'positions', 'segments'].map((name): TensorSpec => ({ name, shape: [R * T], dtype: 'int32' })), { name: 'last', shape: [R], dtype: 'int32' }, ...llamaParameters(config)],
    build(input) {
      const model = plainLlama(config, input)
      const kept = { keys: [], values: [] }
      const hidden = llamaHidden(model, embed(model, input('ids')), input('positions'), T, keeping(attendWithinSegments(input('segments'), R, T), kept))
      return {
        logits: llamaLogits(model, tf.gather(hidden, input('last') as tf.Tensor1D)),
        cache: stack(kept, t => tf.transpose(tf.reshape(t, [R, T, K, D]), [0, 2, 1, 3])),
      }
    },
  }
}

/** The names of one layer's part of the cache among the inputs. */
export const cacheNames = (layer: number): { keys: string; values: string } => ({ keys: `keys.${layer}`, values: `values.${layer}` })

/**
 * One more token in each of R slots. Inputs `ids` [R], `lengths` [R] (what each slot's cache holds), `keys.i`, `values.i` [R, K, C, D].
 * Outputs `logits` [R, V], `cache` [2·L, R, K, D], which belongs at position `lengths` of each slot. The weights are part of the program,
 * laid out for its products once.
 */
export function stepProgram(config: LlamaConfig, R: number, C: number, constants: readonly ConstantSpec[]): ProgramDefinition {
  const { keyValueHeads: K, headSize: D } = config
  const names = Array.from({ length: config.layers }, (_, i) => cacheNames(i))
  return {
    inputs: [
      { name: 'ids', shape: [R], dtype: 'int32' },
      { name: 'lengths', shape: [R], dtype: 'int32' },
      ...names.flatMap(({ keys, values }) => [keys, values].map((name): TensorSpec => ({ name, shape: [R, K, C, D], dtype: 'float32' }))),
    ],
    constants,
    build(input) {
      const model = plainLlama(config, input)
      const kept = { keys: [], values: [] }
      const past = names.map(({ keys, values }) => ({ keys: input(keys), values: input(values) }))
      const hidden = llamaHidden(model, embed(model, input('ids')), input('lengths'), C, keeping(attendAfter(past, input('lengths')), kept))
      return { logits: llamaLogits(model, hidden), cache: stack(kept, t => t) }
    },
  }
}
