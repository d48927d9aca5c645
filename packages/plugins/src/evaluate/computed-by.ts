import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

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
function tfjsNode(require: NodeJS.Require): string | undefined {
  const found = ['tfjs-node-gpu', 'tfjs-node'].flatMap(name => {
    try {
      const manifest = require.resolve(`@tensorflow/${name}/package.json`)
      return [{ text: `${name} ${(require(manifest) as { version: string }).version}`, lib: join(dirname(manifest), 'lib') }]
    } catch {
      return []
    }
  })
  const hasLibrary = (lib: string): boolean => existsSync(lib) && readdirSync(lib).some(version => existsSync(join(lib, version, 'tfjs_binding.node')))
  return (found.find(f => hasLibrary(f.lib)) ?? found[0])?.text
}
