import type { StageContext } from 'hone-engine'
import { loadTensorFlow, TensorFlowUnavailable, type Engine } from 'hone-lm'
import { engineHints } from './computed-by.js'

/** An engine that there is not, or that does not load; what to do stands in the hint. */
export class EngineUnavailable extends Error {
  override readonly name = 'EngineUnavailable'
  readonly hint: string
  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

/** The engine of that name, loaded, with a line on what computes where that is not the default. Throws EngineUnavailable. */
export async function engineNamed(name: string, threads: number): Promise<{ readonly engine: Engine; readonly told?: string }> {
  if (name === 'onnx') return { engine: name }
  if (name !== 'eager') throw new EngineUnavailable(`There is no engine "${name}"`, engineHints.unknown)
  try {
    const { package: from, version, library, device } = await loadTensorFlow({ threads })
    return { engine: name, told: `computed operation by operation with ${from} ${version} over libtensorflow ${library}, on the ${device.toUpperCase()}` }
  } catch (error) {
    if (!(error instanceof TensorFlowUnavailable)) throw error
    throw new EngineUnavailable(error.message, engineHints.unusable)
  }
}

/** Which engine a stage computes with, loaded. One that there is not ends the stage at its parameter. */
export async function openEngine({ params, backend, threads, log, fail }: Pick<StageContext<{ readonly backend?: string | undefined }>, 'params' | 'backend' | 'threads' | 'log' | 'fail'>): Promise<Engine> {
  try {
    const { engine, told } = await engineNamed(params.backend ?? backend ?? 'onnx', threads)
    if (told !== undefined) log(told)
    return engine
  } catch (error) {
    if (error instanceof EngineUnavailable) return fail(error.message, 'backend', error.hint)
    throw error
  }
}
