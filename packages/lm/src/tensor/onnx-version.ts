import { env } from 'onnxruntime-node'

/** The version of the ONNX Runtime that is loaded. */
export const onnxVersion = (): string => env.versions.node ?? env.versions.common
