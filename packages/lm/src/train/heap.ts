import { kernelBytes } from './kernels.js'

/** The kernels over one heap; see kernels.wat. Offsets in bytes, counts in elements. */
export interface Kernels {
  adamw(
    p: number, g: number, m: number, v: number, n: number,
    scale: number, decay: number, oneMinusBeta1: number, beta2: number, oneMinusBeta2: number, minusStep: number, correction: number, eps: number,
  ): void
  accumulate(to: number, from: number, n: number): void
  sumSquares(at: number, n: number): number
}

// Node has it, but TypeScript's types of it stand in the DOM library, which does not belong here.
declare const WebAssembly: {
  Memory: new (descriptor: { initial: number }) => { readonly buffer: ArrayBuffer }
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: { heap: { memory: object } }) => { readonly exports: unknown }
}

/** A memory of its own with the kernels compiled for it. Offsets above 2 GiB go in as they are: wasm takes them modulo 2^32. */
export interface Heap {
  readonly buffer: ArrayBuffer
  readonly kernels: Kernels
}

const pageBytes = 65536
/** One page below 4 GiB, so that an end offset still fits in 32 bits. */
export const largestHeap = 65535 * pageBytes
let compiled: object | undefined

/** A buffer's size: padded to 16 elements, so that kernels run over whole vectors and the next one starts at a multiple of 64 bytes. */
export const paddedElements = (elements: number): number => Math.ceil(elements / 16) * 16

/** A heap of at least `bytes`, all zero. Throws a RangeError where the system has not that much memory. */
export function makeHeap(bytes: number): Heap {
  const memory = allocate(bytes)
  compiled ??= new WebAssembly.Module(Buffer.from(kernelBytes, 'base64'))
  return { buffer: memory.buffer, kernels: new WebAssembly.Instance(compiled, { heap: { memory } }).exports as Kernels }
}

function allocate(bytes: number) {
  try {
    return new WebAssembly.Memory({ initial: Math.max(1, Math.ceil(bytes / pageBytes)) })
  } catch {
    throw new RangeError(`The system gave no ${(bytes / 2 ** 30).toFixed(1)} GiB for the trained parameters, their gradients and AdamW's moments. Train with LoRA, or a smaller model`)
  }
}
