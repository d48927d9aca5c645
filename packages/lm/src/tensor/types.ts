/** Element types of what goes in and out of a compiled program. */
export type ElementType = 'float32' | 'int32'

export interface TensorSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: ElementType
}

export type TensorData = Float32Array | Int32Array

/**
 * A function of tensors, traced once over placeholders and compiled by an engine. Shapes are fixed; make one a shape bucket.
 */
export interface Executable {
  readonly inputs: readonly TensorSpec[]
  readonly outputs: readonly TensorSpec[]
  /**
   * Runs it. Every input must be fed, by name, with exactly its number of elements. What stands in `into` is written there and
   * returned as the same array; the other outputs are new arrays. Blocks the event loop while it computes.
   */
  run(feeds: Readonly<Record<string, TensorData>>, into?: Readonly<Record<string, TensorData>>): Promise<Record<string, TensorData>>
  dispose(): Promise<void>
}

/** Where float32 tensors of a model come from: a checkpoint, or memory. Names are Hugging Face's parameter names. */
export interface TensorSource {
  readonly names: readonly string[]
  has(name: string): boolean
  shape(name: string): readonly number[]
  /** The values as float32, row-major, into `into` when given. */
  read(name: string, into?: Float32Array): Promise<Float32Array>
}
