import util from 'node:util'

/** Thrown where the TensorFlow engine cannot be used; the message ends with the loader's own words. */
export class TensorFlowUnavailable extends Error {
  override readonly name = 'TensorFlowUnavailable'
  readonly reason: 'not-installed' | 'native-library'
  constructor(reason: TensorFlowUnavailable['reason'], message: string, cause: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']

/** Loads tfjs-node, which registers the backend 'tensorflow', and gives its name. Throws `TensorFlowUnavailable`. */
export async function loadTensorFlow(): Promise<string> {
  // tfjs-node calls this function, which Node 23 removed.
  const legacy = util as unknown as { isNullOrUndefined?: (x: unknown) => boolean }
  legacy.isNullOrUndefined ??= x => x === null || x === undefined
  for (const name of PACKAGES) {
    try {
      await import(name)
      return 'tensorflow'
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if ((error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`)) continue
      throw new TensorFlowUnavailable('native-library', `${name} is installed, but its native library does not load: ${message}`, error)
    }
  }
  throw new TensorFlowUnavailable('not-installed', `None of ${PACKAGES.join(', ')} is installed.`, undefined)
}
