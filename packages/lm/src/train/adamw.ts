import { paddedElements } from './heap.js'
import type { Parameter } from './parameters.js'

export interface AdamWOptions {
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
  readonly weightDecay: number
}

/** PyTorch's and Hugging Face's defaults but for the decay, which both leave to the user. */
export const adamwDefaults: AdamWOptions = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 }

/** Empties the sum of gradients, at the start of a step. */
export function clearSums(parameters: readonly Parameter[]): void {
  for (const p of parameters) p.sum.fill(0)
}

/**
 * Adds the gradient of a lookup, one row a token, to that of the table: to[ids[r]] += rows[r], row after row, so that ids which repeat
 * add up in a fixed order. `rows` is [ids.length, width].
 */
export function addRows(to: Float32Array, rows: Float32Array, ids: Int32Array, width: number): void {
  for (let r = 0, from = 0; r < ids.length; r++) {
    for (let at = ids[r]! * width, end = at + width; at < end; at++, from++) to[at]! += rows[from]!
  }
}

/** Adds what a backward pass wrote to the sum. Nothing to do where they are one array. */
export function addToSums(parameters: readonly Parameter[]): void {
  for (const p of parameters) {
    if (p.sum !== p.gradient) p.heap.kernels.accumulate(p.sum.byteOffset, p.gradient.byteOffset, paddedElements(p.elements))
  }
}

/** The length of all gradients together, times `scale`. Not finite exactly when an element is not. */
export function gradientNorm(parameters: readonly Parameter[], scale: number): number {
  let squares = 0
  for (const p of parameters) squares += p.heap.kernels.sumSquares(p.sum.byteOffset, paddedElements(p.elements))
  return Math.sqrt(squares) * scale
}

/**
 * One update of every parameter by decoupled AdamW (Loshchilov and Hutter, 2019), as torch.optim.AdamW computes it. `step` counts
 * from 1. Gradients are multiplied by `scale` first: 1 / supervised tokens, times what clipping asks.
 */
export function adamwStep(parameters: readonly Parameter[], options: AdamWOptions & { step: number; learningRate: number; scale: number }): void {
  const { beta1, beta2, eps, weightDecay, step, learningRate, scale } = options
  const minusStep = -(learningRate / (1 - beta1 ** step))
  const correction = Math.sqrt(1 - beta2 ** step)
  for (const p of parameters) {
    p.heap.kernels.adamw(
      p.value.byteOffset, p.sum.byteOffset, p.m.byteOffset, p.v.byteOffset, paddedElements(p.elements),
      scale, p.decays ? 1 - learningRate * weightDecay : 1, 1 - beta1, beta2, 1 - beta2, minusStep, correction, eps,
    )
  }
}
