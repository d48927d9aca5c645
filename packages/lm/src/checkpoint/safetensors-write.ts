import { open } from 'node:fs/promises'
import { float32ToBfloat16, float32ToFloat16 } from './half-floats.js'
import { elementBytes, type SafetensorsType } from './safetensors-header.js'

export type TensorValues = Float32Array | Int32Array | Uint8Array
/** What a floating point tensor is written as. */
export type FloatType = 'float32' | 'float16' | 'bfloat16'

/** One tensor to write. A function as `data` is called when its turn comes, so that a model is never in memory twice. */
export interface TensorEntry {
  readonly name: string
  readonly shape: readonly number[]
  /** What `data` holds; float32 when it is left out. */
  readonly type?: 'float32' | 'int32' | 'uint8'
  readonly data: TensorValues | (() => TensorValues | Promise<TensorValues>)
}

export const safetensorsTypes = { float32: 'F32', float16: 'F16', bfloat16: 'BF16', int32: 'I32', uint8: 'U8' } as const

// By type, larger elements first, then by name: the order of the reference implementation, so that equal tensors give its bytes.
const order: readonly SafetensorsType[] = ['F32', 'I32', 'BF16', 'F16', 'U8']
const chunkElements = 1 << 20

/**
 * Writes a safetensors file; float32 data are rounded to `dtype` (to nearest, ties to even). The bytes depend on names, shapes,
 * values, dtype and metadata alone. Tensors are taken and written one at a time.
 */
export async function writeSafetensors(
  path: string,
  entries: Iterable<TensorEntry>,
  options: { readonly dtype?: FloatType; readonly metadata?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const typeOf = ({ type = 'float32' }: TensorEntry) => safetensorsTypes[type === 'float32' ? (options.dtype ?? 'float32') : type]
  const tensors = [...entries].map(entry => ({ entry, type: typeOf(entry) }))
  tensors.sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type) || (a.entry.name < b.entry.name ? -1 : 1))
  const header: Record<string, unknown> = {}
  const metadata = Object.entries(options.metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  if (metadata.length) header.__metadata__ = Object.fromEntries(metadata)
  let offset = 0
  for (const { entry, type } of tensors) {
    if (entry.name in header) throw new Error(`Internal: two tensors are named "${entry.name}"`)
    const bytes = entry.shape.reduce((n, d) => n * d, 1) * elementBytes[type]
    header[entry.name] = { dtype: type, shape: entry.shape, data_offsets: [offset, (offset += bytes)] }
  }
  const json = Buffer.from(JSON.stringify(header))
  // Spaces pad the header to a multiple of 8, so that the first tensor is aligned.
  const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ')
  padded.writeBigUInt64LE(BigInt(padded.length - 8))
  json.copy(padded, 8)

  const file = await open(path, 'w')
  try {
    await file.writeFile(padded)
    for (const { entry, type } of tensors) {
      const values = typeof entry.data === 'function' ? await entry.data() : entry.data
      const count = entry.shape.reduce((n, d) => n * d, 1)
      if (values.length !== count) {
        throw new Error(`Internal: "${entry.name}" has the shape [${entry.shape.join(', ')}] but ${values.length} values`)
      }
      for (let at = 0; at < count; at += chunkElements) {
        const part = values.subarray(at, Math.min(count, at + chunkElements))
        const stored = type === 'F16' ? float32ToFloat16(part as Float32Array) : type === 'BF16' ? float32ToBfloat16(part as Float32Array) : part
        await file.writeFile(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength))
      }
    }
  } finally {
    await file.close()
  }
}
