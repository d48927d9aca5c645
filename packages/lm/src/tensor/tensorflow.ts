import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import util from 'node:util'
import * as tf from '@tensorflow/tfjs-core'

/** Thrown where TensorFlow cannot be used; the message holds the loader's own words. */
export class TensorFlowUnavailable extends Error {
  override readonly name = 'TensorFlowUnavailable'
  readonly reason: 'not-installed' | 'native-library'
  constructor(reason: TensorFlowUnavailable['reason'], message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

/** TensorFlow as it was loaded into this process. */
export interface TensorFlow {
  /** The tfjs backend that it registered. */
  readonly backend: 'tensorflow'
  /** The npm package, with its version. */
  readonly package: string
  readonly version: string
  /** The version of libtensorflow. */
  readonly library: string
  readonly device: 'cpu' | 'gpu'
}

interface Installed {
  readonly name: string
  readonly version: string
  /** Whether the native library is where the package looks for it. */
  readonly hasLibrary: boolean
}

/** In order of preference. The first has a GPU's kernels where its library has them, and runs on a CPU alone all the same. */
const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']

/** Which of the packages are installed, those with a native library first. Loads none. */
function installedPackages(): Installed[] {
  const require = createRequire(import.meta.url)
  const found = PACKAGES.flatMap(name => {
    try {
      const manifest = require.resolve(`${name}/package.json`)
      return [{ name, version: (require(manifest) as { version: string }).version, hasLibrary: holdsLibrary(dirname(manifest)) }]
    } catch {
      return []
    }
  })
  return found.sort((a, b) => Number(b.hasLibrary) - Number(a.hasLibrary))
}

/** The library lies in `lib/napi-vN/`. */
function holdsLibrary(dir: string): boolean {
  try {
    return readdirSync(join(dir, 'lib')).some(version => existsSync(join(dir, 'lib', version, 'tfjs_binding.node')))
  } catch {
    return false
  }
}

/**
 * Loads tfjs-node, which registers the backend 'tensorflow'. `threads` are the cores that one operation may use: they are fixed when the
 * library is loaded, later calls do not change them. Throws `TensorFlowUnavailable`.
 */
export async function loadTensorFlow({ threads }: { readonly threads?: number } = {}): Promise<TensorFlow> {
  // tfjs-node calls this function, which Node 23 removed.
  const legacy = util as unknown as { isNullOrUndefined?: (x: unknown) => boolean }
  legacy.isNullOrUndefined ??= x => x === null || x === undefined
  if (threads !== undefined) process.env['TF_NUM_INTRAOP_THREADS'] ??= String(threads)
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1' // its warnings are wanted, what it says of every CPU is not

  const failures: { message: string; cause: unknown }[] = []
  for (const { name, version } of installedPackages()) {
    if (major(version) !== major(tf.version_core)) {
      failures.push({ message: `${name} ${version} does not fit tfjs-core ${tf.version_core}: install ${name}@${tf.version_core}.`, cause: undefined })
      continue
    }
    try {
      await import(name)
      const { binding, isUsingGpuDevice } = tf.findBackend('tensorflow') as unknown as { binding: { TF_Version: string }; isUsingGpuDevice: boolean }
      return { backend: 'tensorflow', package: name, version, library: binding.TF_Version, device: isUsingGpuDevice ? 'gpu' : 'cpu' }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      failures.push({ message: `${name} ${version} is installed, but its native library does not load: ${message}`, cause: error })
    }
  }
  if (failures.length === 0) throw new TensorFlowUnavailable('not-installed', `None of ${PACKAGES.join(', ')} is installed.`)
  throw new TensorFlowUnavailable('native-library', failures.map(f => f.message).join('\n'), failures[0]?.cause)
}

const major = (version: string): string => version.split('.')[0] as string
