import { runEager } from './eager.js'
import { compileOnnx, type OnnxOptions } from './onnx.js'
import { loadTensorFlow } from './tensorflow.js'
import { trace, type ProgramDefinition } from './trace.js'
import type { Executable } from './types.js'

/**
 * `onnx`: compiled, embedded. `eager`: operation by operation on tfjs-node over libtensorflow, an optional dependency. `reference`: on
 * the tfjs backend named 'cpu', which whoever asks for it has registered.
 */
export type Engine = 'onnx' | 'eager' | 'reference'

export async function compileProgram(definition: ProgramDefinition, { engine, ...options }: OnnxOptions & { engine: Engine }): Promise<Executable> {
  switch (engine) {
    case 'onnx': return compileOnnx(trace(definition), options)
    case 'eager': return runEager(definition, (await loadTensorFlow(options)).backend)
    case 'reference': return runEager(definition, 'cpu')
  }
}
