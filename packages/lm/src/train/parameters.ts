import type { TensorSpec } from '../tensor/types.js'
import { largestHeap, makeHeap, paddedElements, type Heap } from './heap.js'

/** A trained tensor with all that belongs to it, in one heap. Each array is a view of the heap with exactly the tensor's elements. */
export interface Parameter {
  readonly name: string
  readonly shape: readonly number[]
  readonly elements: number
  readonly heap: Heap
  readonly value: Float32Array
  /** What one backward pass writes; with accumulation its sum is in `sum`. */
  readonly gradient: Float32Array
  /** The accumulated gradient: the same array as `gradient` where a step has one micro-batch. */
  readonly sum: Float32Array
  /** AdamW's moments. */
  readonly m: Float32Array
  readonly v: Float32Array
  /** Weight decay falls on it. */
  readonly decays: boolean
}

const productOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)

// The name patterns of transformers' Trainer, and GPT-2's ln_1, ln_2 and ln_f, which it knows by their type.
const notDecayed = /bias|layernorm|rmsnorm|(?:^|\.)norm(?:$|\.)|_norm(?:$|\.)|(?:^|\.)ln_[0-9f](?:$|\.)/

/** Whether weight decay falls on a parameter: not on biases and not on the weights of normalisation layers. */
export const decays = (name: string): boolean => !notDecayed.test(name.toLowerCase())

export interface ParameterOptions {
  /** Keep a sum beside the gradient: a step has several micro-batches. */
  readonly accumulate: boolean
  /** Bytes of one heap at most; a smaller one than 4 GiB serves tests. */
  readonly heapBytes?: number
}

/** Lays tensors out in as few heaps as hold them; one tensor's arrays share a heap. Values are zero. */
export function allocateParameters(specs: readonly TensorSpec[], { accumulate, heapBytes = largestHeap }: ParameterOptions): Parameter[] {
  const arrays = accumulate ? 5 : 4
  const shards: { specs: TensorSpec[]; bytes: number }[] = []
  for (const spec of specs) {
    const bytes = arrays * 4 * paddedElements(productOf(spec.shape))
    if (bytes > heapBytes) {
      throw new RangeError(`"${spec.name}" has ${productOf(spec.shape).toLocaleString('en-US')} elements; training it takes ${bytes} bytes in one piece, and a heap holds ${heapBytes}. Train it with LoRA`)
    }
    const last = shards.at(-1)
    if (last && last.bytes + bytes <= heapBytes) {
      last.specs.push(spec)
      last.bytes += bytes
    } else shards.push({ specs: [spec], bytes })
  }
  return shards.flatMap(shard => {
    const heap = makeHeap(shard.bytes)
    let at = 0
    return shard.specs.map((spec): Parameter => {
      const elements = productOf(spec.shape)
      const next = () => {
        const array = new Float32Array(heap.buffer, at, elements)
        at += paddedElements(elements) * 4
        return array
      }
      const [value, gradient, m, v] = [next(), next(), next(), next()] as const
      return { name: spec.name, shape: spec.shape, elements, heap, value, gradient, sum: accumulate ? next() : gradient, m, v, decays: decays(spec.name) }
    })
  })
}
