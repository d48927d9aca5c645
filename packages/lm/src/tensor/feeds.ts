import { sizeOf } from './graph.js'
import type { TensorData, TensorSpec } from './types.js'

export const elementCount = (spec: TensorSpec): number => sizeOf(spec.shape)

/** Throws, naming the tensor, unless every input is fed and everything given fits its declaration. */
export function checkFeeds(
  inputs: readonly TensorSpec[], outputs: readonly TensorSpec[],
  feeds: Readonly<Record<string, TensorData>>, into: Readonly<Record<string, TensorData>>,
): void {
  for (const spec of inputs) {
    const data = feeds[spec.name]
    if (!data) throw new Error(`The input ${spec.name} is not fed.`)
    checkData('input', spec, data)
  }
  for (const spec of outputs) {
    const data = into[spec.name]
    if (data) checkData('output', spec, data)
  }
  checkNames('input', inputs, feeds)
  checkNames('output', outputs, into)
}

function checkData(role: string, spec: TensorSpec, data: TensorData): void {
  const type = spec.dtype === 'float32' ? Float32Array : Int32Array
  if (!(data instanceof type)) throw new Error(`The ${role} ${spec.name} is ${spec.dtype}; got a ${(data as object).constructor.name}.`)
  if (data.length !== elementCount(spec)) {
    throw new Error(`The ${role} ${spec.name} has the shape [${spec.shape.join(', ')}], ${elementCount(spec)} values; got ${data.length}.`)
  }
}

function checkNames(role: string, specs: readonly TensorSpec[], given: Readonly<Record<string, TensorData>>): void {
  const known = new Set(specs.map(s => s.name))
  for (const name of Object.keys(given)) if (!known.has(name)) throw new Error(`There is no ${role} ${name}.`)
}
