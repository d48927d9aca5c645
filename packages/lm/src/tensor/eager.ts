import * as tf from '@tensorflow/tfjs-core'
import { checkFeeds } from './feeds.js'
import './gradients.js'
import { lookUp, onBackend, trace, type ProgramDefinition } from './trace.js'
import type { Executable, TensorData } from './types.js'

/**
 * The same function run operation by operation on a registered tfjs backend, anew on every run: the reference that compiled
 * engines are compared with, and a way to debug a model.
 */
export function runEager(definition: ProgramDefinition, backend: string): Executable {
  const { inputs, outputs } = trace(definition)
  const constants = new Map<string, tf.Tensor>()
  onBackend(backend, () => {
    for (const { name, shape, data } of definition.constants ?? []) constants.set(name, tf.keep(tf.tensor(data, [...shape], 'float32')))
  })
  return {
    inputs,
    outputs,
    async run(feeds, into = {}) {
      checkFeeds(inputs, outputs, feeds, into)
      return onBackend(backend, () => tf.tidy(() => {
        const fed = new Map(constants)
        for (const { name, shape, dtype } of inputs) fed.set(name, tf.tensor(feeds[name] as TensorData, [...shape], dtype))
        const results = definition.build(name => lookUp(fed, name))
        return Object.fromEntries(Object.entries(results).map(([name, t]) => {
          const data = t.dataSync() as TensorData
          const target = into[name]
          if (!target) return [name, data.slice()]
          target.set(data)
          return [name, target]
        }))
      }))
    },
    async dispose() {
      for (const t of constants.values()) t.dispose()
    },
  }
}
