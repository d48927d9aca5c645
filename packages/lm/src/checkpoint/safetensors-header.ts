import { open } from 'node:fs/promises'
import { CheckpointError } from './checkpoint-error.js'

/** Bytes of an element, for the types of the safetensors format that are read here. */
export const elementBytes = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const
export type SafetensorsType = keyof typeof elementBytes

/** One tensor of a file: `begin` and `end` are bytes from the start of the file. */
export interface TensorPlace {
  readonly name: string
  readonly type: SafetensorsType
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorPlace>
  readonly metadata: Readonly<Record<string, string>>
}

// The reference implementation refuses larger headers too.
const largestHeader = 100_000_000

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/**
 * Reads and checks the header alone: its size, that each tensor's bytes are those of its shape, lie in the file, and overlap
 * with no other. Throws CheckpointError.
 */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new CheckpointError(path, error.code === 'ENOENT' ? 'is not there' : `cannot be read (${error.code ?? error.message})`)
  })
  try {
    const { size } = await file.stat()
    if (size < 8) throw new CheckpointError(path, `is truncated: ${size} bytes, and the header alone needs 8. Fetch it again`)
    const prefix = Buffer.alloc(8)
    await file.read(prefix, 0, 8, 0)
    const length = prefix.readBigUInt64LE()
    if (length > BigInt(largestHeader)) {
      throw new CheckpointError(path, 'is not a safetensors file: its first 8 bytes give no sensible length of the header')
    }
    const headerEnd = 8 + Number(length)
    if (headerEnd > size) {
      throw new CheckpointError(path, `is truncated: the header ends at byte ${headerEnd}, the file at ${size}. Fetch it again`)
    }
    const bytes = Buffer.alloc(Number(length))
    await file.read(bytes, 0, bytes.length, 8)
    return checkHeader(path, bytes, headerEnd, size)
  } finally {
    await file.close()
  }
}

function checkHeader(path: string, bytes: Buffer, headerEnd: number, size: number): SafetensorsHeader {
  let json: unknown
  try {
    json = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new CheckpointError(path, 'is not a safetensors file: its header is no JSON')
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new CheckpointError(path, 'its header is no JSON object')
  }
  const { __metadata__: metadata = {}, ...entries } = json as Record<string, unknown>
  const tensors = new Map<string, TensorPlace>()
  for (const [name, entry] of Object.entries(entries)) tensors.set(name, checkTensor(path, name, entry, headerEnd, size))
  const inOrder = [...tensors.values()].sort((a, b) => a.begin - b.begin || a.end - b.end)
  for (let i = 1; i < inOrder.length; i++) {
    const [before, after] = [inOrder[i - 1]!, inOrder[i]!]
    if (after.begin < before.end) throw new CheckpointError(path, `its tensors "${before.name}" and "${after.name}" overlap`)
  }
  return { tensors, metadata: metadata as Record<string, string> }
}

function checkTensor(path: string, name: string, entry: unknown, headerEnd: number, size: number): TensorPlace {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown }
  const isEntry =
    typeof dtype === 'string' && Array.isArray(shape) && shape.every(isCount) && Array.isArray(offsets) && offsets.length === 2 && offsets.every(isCount)
  if (!isEntry) {
    throw new CheckpointError(path, `the header's entry of the tensor "${name}" lacks a dtype, a shape or data_offsets`)
  }
  if (!Object.hasOwn(elementBytes, dtype)) {
    throw new CheckpointError(
      path,
      `the tensor "${name}" has the type ${dtype}, which is none of ${Object.keys(elementBytes).join(', ')}. Convert it to float32, float16 or bfloat16`,
    )
  }
  const type = dtype as SafetensorsType
  const [from, to] = offsets as [number, number]
  const wanted = shape.reduce((n, d) => n * d, 1) * elementBytes[type]
  if (to - from !== wanted) {
    throw new CheckpointError(
      path,
      `the tensor "${name}" of shape [${shape.join(', ')}] in ${type} needs ${wanted} bytes, the header gives it ${to - from}`,
    )
  }
  if (headerEnd + to > size) {
    throw new CheckpointError(
      path,
      `is truncated: the tensor "${name}" ends at byte ${headerEnd + to}, the file at ${size}. Fetch it again`,
    )
  }
  return { name, type, shape, begin: headerEnd + from, end: headerEnd + to }
}
