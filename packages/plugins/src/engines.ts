/** An engine that computes tensors, and whether it can be used here. */
export interface EngineState {
  readonly name: string
  readonly state: 'found' | 'not-installed' | 'native-library'
  /** The version, or the exact error. */
  readonly detail: string
}

/** Tries each engine by loading it. */
export async function probeEngines(): Promise<readonly EngineState[]> {
  const { loadTensorFlow, onnxVersion, TensorFlowUnavailable } = await import('hone-lm')
  const states: EngineState[] = []
  try {
    states.push({ name: 'onnx', state: 'found', detail: `onnxruntime-node ${onnxVersion()}` })
  } catch (error) {
    states.push({ name: 'onnx', state: 'native-library', detail: (error as Error).message })
  }
  try {
    const { package: name, version, library, device } = await loadTensorFlow()
    states.push({ name: 'eager', state: 'found', detail: `${name} ${version} over libtensorflow ${library}, on the ${device.toUpperCase()}` })
  } catch (error) {
    if (!(error instanceof TensorFlowUnavailable)) throw error
    states.push({ name: 'eager', state: error.reason, detail: error.message })
  }
  return states
}
