import { open } from 'node:fs/promises'
import { CheckpointError } from './checkpoint-error.js'
import { ggmlTypes, type GgmlType } from './dequantize.js'

export type GgufValue = number | bigint | boolean | string | readonly GgufValue[]

/** One tensor of a GGUF file. `shape` is row-major as elsewhere here, the reverse of GGUF's own order; `begin` is from the file's start. */
export interface GgufTensor {
  readonly name: string
  readonly type: GgmlType
  readonly shape: readonly number[]
  readonly begin: number
  readonly bytes: number
}

export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>
  readonly tensors: ReadonlyMap<string, GgufTensor>
}

/** The buffer ends before the header does. */
class Short extends Error {}

const firstRead = 8 << 20
const largestHeader = 1 << 30

/** Reads the header of a GGUF file (versions 2 and 3, little-endian), and checks that its tensors lie in the file. Throws CheckpointError. */
export async function readGgufHeader(path: string): Promise<GgufHeader> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new CheckpointError(path, error.code === 'ENOENT' ? 'is not there' : `cannot be read (${error.code ?? error.message})`)
  })
  try {
    const { size } = await file.stat()
    for (let length = Math.min(firstRead, size); ; length = Math.min(length * 4, size)) {
      const bytes = Buffer.alloc(length)
      const { bytesRead } = await file.read(bytes, 0, length, 0)
      try {
        return parseHeader(path, bytes.subarray(0, bytesRead), size)
      } catch (error) {
        if (!(error instanceof Short)) throw error
        if (length >= size || length >= largestHeader) {
          throw new CheckpointError(path, `is truncated: it ends at byte ${size}, in the middle of the header. Fetch it again`)
        }
      }
    }
  } finally {
    await file.close()
  }
}

function parseHeader(path: string, bytes: Buffer, size: number): GgufHeader {
  const reader = new Reader(bytes)
  if (reader.text(4) !== 'GGUF') throw new CheckpointError(path, 'is no GGUF file')
  const version = reader.number(4)
  if (version !== 2 && version !== 3) throw new CheckpointError(path, `is of GGUF version ${version}; 2 and 3 are read`)
  const tensorCount = reader.length()
  const entryCount = reader.length()
  const metadata = new Map<string, GgufValue>()
  for (let i = 0; i < entryCount; i++) {
    const key = reader.string()
    metadata.set(key, reader.value(path, reader.number(4)))
  }
  const found: { name: string; type: GgmlType; shape: number[]; offset: number }[] = []
  for (let i = 0; i < tensorCount; i++) {
    const name = reader.string()
    const shape = Array.from({ length: reader.number(4) }, () => reader.length()).reverse()
    const code = reader.number(4)
    const type = Object.entries(ggmlTypes).find(([, t]) => t.code === code)?.[0] as GgmlType | undefined
    if (!type) {
      throw new CheckpointError(
        path,
        `the tensor "${name}" has GGML's type ${code}, which is none of ${Object.keys(ggmlTypes).join(', ')}`,
      )
    }
    found.push({ name, type, shape, offset: reader.length() })
  }
  const alignment = Number(metadata.get('general.alignment') ?? 32)
  const start = Math.ceil(reader.at / alignment) * alignment
  const tensors = new Map<string, GgufTensor>()
  for (const { name, type, shape, offset } of found) {
    const elements = shape.reduce((a, b) => a * b, 1)
    const { elements: inBlock, bytes: blockBytes } = ggmlTypes[type]
    if (elements % inBlock) {
      throw new CheckpointError(path, `the tensor "${name}" of shape [${shape.join(', ')}] does not fill whole blocks of ${type}`)
    }
    const tensorBytes = (elements / inBlock) * blockBytes
    if (start + offset + tensorBytes > size) {
      throw new CheckpointError(
        path,
        `is truncated: the tensor "${name}" ends at byte ${start + offset + tensorBytes}, the file at ${size}. Fetch it again`,
      )
    }
    tensors.set(name, { name, type, shape, begin: start + offset, bytes: tensorBytes })
  }
  return { metadata, tensors }
}

class Reader {
  at = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  #take(n: number): number {
    const at = this.at
    if (at + n > this.#bytes.length) throw new Short()
    this.at += n
    return at
  }

  number(bytes: 1 | 2 | 4): number {
    return this.#bytes.readUIntLE(this.#take(bytes), bytes)
  }

  /** A 64-bit count or offset. */
  length(): number {
    return Number(this.#bytes.readBigUInt64LE(this.#take(8)))
  }

  text(bytes: number): string {
    const at = this.#take(bytes)
    return this.#bytes.toString('utf8', at, at + bytes)
  }

  string(): string {
    return this.text(this.length())
  }

  value(path: string, type: number): GgufValue {
    switch (type) {
      case 0: return this.#bytes.readUInt8(this.#take(1))
      case 1: return this.#bytes.readInt8(this.#take(1))
      case 2: return this.#bytes.readUInt16LE(this.#take(2))
      case 3: return this.#bytes.readInt16LE(this.#take(2))
      case 4: return this.#bytes.readUInt32LE(this.#take(4))
      case 5: return this.#bytes.readInt32LE(this.#take(4))
      case 6: return this.#bytes.readFloatLE(this.#take(4))
      case 7: return this.#bytes.readUInt8(this.#take(1)) !== 0
      case 8: return this.string()
      case 9: {
        const element = this.number(4)
        const count = this.length()
        const values: GgufValue[] = []
        for (let i = 0; i < count; i++) values.push(this.value(path, element))
        return values
      }
      case 10: return this.#bytes.readBigUInt64LE(this.#take(8))
      case 11: return this.#bytes.readBigInt64LE(this.#take(8))
      case 12: return this.#bytes.readDoubleLE(this.#take(8))
      default: throw new CheckpointError(path, `its metadata hold a value of the unknown type ${type}`)
    }
  }
}
