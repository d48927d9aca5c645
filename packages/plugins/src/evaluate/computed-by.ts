import { createRequire } from 'node:module'

/** The engine and version that computes numbers, for the key: `onnx 1.30.0`. Read from the manifest, so that planning loads none. */
export function computedBy(params: { readonly backend?: string }, backend: string | undefined): string {
  const { dependencies, optionalDependencies } = createRequire(import.meta.url)('@hone/lm/package.json') as Record<'dependencies' | 'optionalDependencies', Record<string, string>>
  const engine = params.backend ?? backend ?? 'onnx'
  return engine === 'onnx' ? `onnx ${dependencies['onnxruntime-node']}` : `${engine} ${optionalDependencies['@tensorflow/tfjs-node-gpu']}`
}
