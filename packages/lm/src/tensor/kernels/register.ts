import * as tf from '@tensorflow/tfjs-core'
import { traceBackend, type TraceBackend } from '../backend.js'

export type Inputs = Readonly<Record<string, tf.TensorInfo>>

/** Says what a tfjs kernel becomes in a traced program. */
export function traced<A extends object = object>(
  kernelName: string, write: (inputs: Inputs, attrs: A, backend: TraceBackend) => tf.TensorInfo | tf.TensorInfo[],
): void {
  tf.registerKernel({
    kernelName,
    backendName: 'trace',
    kernelFunc: ({ inputs, attrs }) => write(inputs as Inputs, (attrs ?? {}) as A, traceBackend),
  })
}

export function input(inputs: Inputs, name: string): tf.TensorInfo {
  const t = inputs[name]
  if (!t) throw new Error(`Internal: a traced kernel lacks its input ${name}.`)
  return t
}

/** Axes as non-negative numbers in rising order; all of them when none is given. */
export function normalAxes(axes: number | readonly number[] | null | undefined, rank: number): number[] {
  const list = axes === null || axes === undefined ? Array.from({ length: rank }, (_, i) => i) : typeof axes === 'number' ? [axes] : axes
  return list.map(a => (a < 0 ? a + rank : a)).sort((a, b) => a - b)
}
