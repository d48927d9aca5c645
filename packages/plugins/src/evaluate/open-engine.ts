import type { StageContext } from 'hone-engine'
import { loadTensorFlow, TensorFlowUnavailable, type Engine } from 'hone-lm'

/** Which engine a stage computes with, loaded. One that there is not ends the stage at its parameter. */
export async function openEngine({ params, backend, threads, log, fail }: Pick<StageContext<{ readonly backend?: string | undefined }>, 'params' | 'backend' | 'threads' | 'log' | 'fail'>): Promise<Engine> {
  const name = params.backend ?? backend ?? 'onnx'
  if (name === 'onnx') return name
  if (name !== 'eager') return fail(`There is no engine "${name}" for this stage`, 'backend', 'Take onnx or eager, in `backend:` or HONE_BACKEND.')
  try {
    const { package: from, version, library, device } = await loadTensorFlow({ threads })
    log(`computed operation by operation with ${from} ${version} over libtensorflow ${library}, on the ${device.toUpperCase()}`)
    return name
  } catch (error) {
    if (!(error instanceof TensorFlowUnavailable)) throw error
    return fail(error.message, 'backend', 'Compute with onnx, or give tfjs-node its library as docs/backends.md says.')
  }
}
