import { InferenceSession, Tensor } from 'onnxruntime-node'
import { discard } from './discard.js'
import { checkFeeds, elementCount } from './feeds.js'
import { encodeOnnxModel } from './onnx-model.js'
import type { Program } from './trace.js'
import type { Executable, TensorData } from './types.js'

export interface OnnxOptions {
  /** Cores that one run may use. */
  readonly threads: number
  /** Writes ONNX Runtime's profile of every operation to files that begin so; for benchmarks. */
  readonly profilePrefix?: string
}

/**
 * Compiles with ONNX Runtime. The session is created in about a second, unless there are large constants, which it lays out anew for
 * its matrix products.
 */
export async function compileOnnx(program: Program, { threads, profilePrefix }: OnnxOptions): Promise<Executable> {
  const { bytes, externalData } = encodeOnnxModel(program)
  const session = await InferenceSession.create(bytes, {
    externalData,
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // A pattern is one more block of the size of all activations, beside what the first run left in the arena.
    enableMemPattern: false,
    enableCpuMemArena: true,
    logSeverityLevel: 3,
    // The tracer has merged what is equal; what it left is to be computed twice, so as not to be kept in memory between.
    extra: { optimization: { disable_specified_optimizers: 'CommonSubexpressionElimination' } },
    ...(profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: profilePrefix }),
  })
  const { inputs, outputs } = program
  return {
    inputs,
    outputs,
    async run(feeds, into = {}) {
      checkFeeds(inputs, outputs, feeds, into)
      const fed = Object.fromEntries(inputs.map(({ name, dtype, shape }) => [name, new Tensor(dtype, feeds[name] as never, shape)]))
      const wanted = Object.fromEntries(outputs.map(({ name, dtype, shape }) => [name, name in into ? new Tensor(dtype, into[name] as never, shape) : null]))
      const results = await session.run(fed, wanted)
      return Object.fromEntries(outputs.map(spec => {
        const copy = results[spec.name]?.data as TensorData
        const data = into[spec.name] ?? copy
        if (data !== copy) discard(copy) // onnxruntime-node wrote into the array given, and returns a copy all the same
        if (data.length !== elementCount(spec)) throw new Error(`Internal: ONNX Runtime gave ${data.length} values for ${spec.name}.`)
        return [spec.name, data]
      }))
    },
    async dispose() {
      if (profilePrefix !== undefined) session.endProfiling()
      await session.release()
    },
  }
}
