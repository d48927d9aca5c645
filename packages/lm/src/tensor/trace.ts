import * as tf from '@tensorflow/tfjs-core'
import { traceBackend } from './backend.js'
import './gradients.js'
import { Graph, sizeOf, withoutDeadCode, type ConstantValue, type InputValue, type Operation, type OutputValue } from './graph.js'
import './kernels/index.js'
import type { TensorSpec } from './types.js'

/** A frozen tensor that becomes part of the program. */
export interface ConstantSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export type Placeholders = (name: string) => tf.Tensor

/** A function of tensors: what goes in, and what comes out by name (float32 or int32). */
export interface ProgramDefinition {
  readonly inputs: readonly TensorSpec[]
  readonly constants?: readonly ConstantSpec[]
  build(placeholder: Placeholders): Readonly<Record<string, tf.Tensor>>
}

/** What `build` computed, as a list of ONNX operations in order, each value assigned once, nothing unneeded among them. */
export interface Program {
  readonly inputs: readonly TensorSpec[]
  readonly outputs: readonly TensorSpec[]
  readonly inputValues: readonly InputValue[]
  readonly outputValues: readonly OutputValue[]
  readonly constants: readonly ConstantValue[]
  readonly operations: readonly Operation[]
}

/** Runs `build` once over placeholders and keeps what it asked for. Costs no memory beyond the constants. */
export function trace(definition: ProgramDefinition): Program {
  const graph = new Graph()
  const outputValues = onBackend('trace', () => traceBackend.within(graph, () => {
    tf.engine().startScope('trace')
    try {
      const placeholders = new Map<string, tf.Tensor>()
      for (const { name, shape, dtype } of definition.inputs) placeholders.set(name, traceBackend.asTensor(graph.input(name, shape, dtype)))
      for (const { name, shape, data } of definition.constants ?? []) {
        if (data.length !== sizeOf(shape)) throw new Error(`The constant ${name} has ${data.length} values, its shape [${shape.join(', ')}] ${sizeOf(shape)}.`)
        placeholders.set(name, traceBackend.asTensor(graph.constant(data, shape, 'float32', name)))
      }
      const outputs = definition.build(name => lookUp(placeholders, name))
      return Object.entries(outputs).map(([name, t]) => ({ name, value: traceBackend.full(t) }))
    } finally {
      tf.engine().endScope()
    }
  }))
  const operations = withoutDeadCode(graph.operations, outputValues)
  const needed = new Set([...operations.flatMap(o => o.inputs.map(v => v.id)), ...outputValues.map(o => o.value.id)])
  return {
    inputs: definition.inputs,
    outputs: outputValues.map(({ name, value }) => {
      if (value.dtype !== 'float32' && value.dtype !== 'int32') throw new Error(`The output ${name} is ${value.dtype}; cast it to int32.`)
      return { name, shape: value.shape, dtype: value.dtype }
    }),
    inputValues: graph.inputs,
    outputValues,
    constants: [...graph.constants.values()].filter(c => needed.has(c.value.id)),
    operations,
  }
}

export function lookUp(tensors: ReadonlyMap<string, tf.Tensor>, name: string): tf.Tensor {
  const t = tensors.get(name)
  if (!t) throw new Error(`Internal: the program has no input or constant ${name}.`)
  return t
}

/** Runs `body` with tfjs's global backend set to `name`, and puts the one before back. Only for synchronous code. */
export function onBackend<T>(name: string, body: () => T): T {
  const engine = tf.engine()
  const before = engine.backendName
  if (before === name) return body()
  void tf.setBackend(name)
  try {
    return body()
  } finally {
    if (before) void tf.setBackend(before)
  }
}
