import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { StageProblem } from 'hone-engine'

/**
 * The engine and version that computes numbers, for the key: `onnx 1.30.0`, `eager tfjs-node-gpu 4.22.0`. Read from manifests, so that
 * planning loads none; the library below tfjs-node has no version that could be read so.
 */
export function computedBy(params: { readonly backend?: string }, backend: string | undefined): string {
  const manifest = createRequire(import.meta.url).resolve('hone-lm/package.json')
  const requireOfLm = createRequire(manifest)
  const engine = params.backend ?? backend ?? 'onnx'
  if (engine === 'onnx') return `onnx ${(requireOfLm(manifest) as { dependencies: Record<string, string> }).dependencies['onnxruntime-node']}`
  return `${engine} ${tfjsNode(requireOfLm) ?? 'not installed'}`
}

/** The package that would be loaded: the first that has its native library, else the first. */
const tfjsNode = (require: NodeJS.Require): string | undefined => chosen(require)?.text

interface Installed {
  /** Name and version. */
  readonly text: string
  readonly dir: string
  readonly hasLibrary: boolean
}

function chosen(require: NodeJS.Require): Installed | undefined {
  const found = ['tfjs-node-gpu', 'tfjs-node'].flatMap((name): Installed[] => {
    try {
      const manifest = require.resolve(`@tensorflow/${name}/package.json`)
      const dir = dirname(manifest)
      return [{ text: `${name} ${(require(manifest) as { version: string }).version}`, dir, hasLibrary: hasLibrary(join(dir, 'lib')) }]
    } catch {
      return []
    }
  })
  return found.find(f => f.hasLibrary) ?? found[0]
}

const hasLibrary = (lib: string): boolean => existsSync(lib) && readdirSync(lib).some(version => existsSync(join(lib, version, 'tfjs_binding.node')))

/** What keeps the engine that is asked for from computing, as far as manifests and files tell: whether its library loads is seen when it does. */
export function checkEngine({ backend = 'onnx' }: { readonly backend?: string | undefined }): readonly StageProblem[] {
  if (backend === 'onnx') return []
  if (backend !== 'eager') return [{ message: `There is no engine "${backend}"`, param: 'backend', hint: engineHints.unknown }]
  const tensorFlow = chosen(createRequire(createRequire(import.meta.url).resolve('hone-lm/package.json')))
  if (!tensorFlow) return [{ message: 'The engine "eager" needs @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node, and neither is installed', param: 'backend', hint: engineHints.unusable }]
  if (tensorFlow.hasLibrary) return []
  return [{ message: `The engine "eager" needs the native library of @tensorflow/${tensorFlow.text}: there is no tfjs_binding.node below ${join(tensorFlow.dir, 'lib')}`, param: 'backend', hint: engineHints.unusable }]
}

export const engineHints = {
  unknown: 'Take onnx or eager, in `backend:` or HONE_BACKEND.',
  unusable: 'Compute with onnx, or give tfjs-node its library as docs/backends.md says.',
}
