import { open, type FileHandle } from 'node:fs/promises'
import type { TensorSource } from '../tensor/types.js'
import { CheckpointError } from './checkpoint-error.js'
import { bfloat16ToFloat32, float16ToFloat32 } from './half-floats.js'
import { elementBytes, readSafetensorsHeader, type SafetensorsType, type TensorPlace } from './safetensors-header.js'

/** A tensor source that lies in files. Nothing but headers is in memory, and no file stays open between two reads. */
export interface StoredTensors extends TensorSource {
  /** The type that the tensor is stored in. */
  type(name: string): SafetensorsType
  /** The values of an integer tensor. I64 must fit in 32 bits. */
  readInts(name: string): Promise<Int32Array | Int8Array | Uint8Array>
}

export interface SafetensorsFile extends StoredTensors {
  readonly path: string
  readonly metadata: Readonly<Record<string, string>>
}

// Bytes in flight while a tensor of another type is converted; a multiple of every element's size.
const chunkBytes = 1 << 22
// One read(2) gives 2 GiB at most.
const largestRead = 1 << 30

/** Fills `bytes` from `position` on. A file that ends early has shrunk since its header was checked. */
async function readFully(file: FileHandle, path: string, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesRead } = await file.read(bytes, done, Math.min(bytes.byteLength - done, largestRead), position + done)
    if (bytesRead === 0) {
      throw new CheckpointError(path, `ends at byte ${position + done}, in the middle of a tensor. Fetch it again`)
    }
    done += bytesRead
  }
}

const bytesOf = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

/** Reads a tensor of any floating or integer type as float32, chunk by chunk where it must be converted. */
async function readFloats(path: string, place: TensorPlace, into?: Float32Array): Promise<Float32Array> {
  const count = (place.end - place.begin) / elementBytes[place.type]
  const out = into ?? new Float32Array(count)
  if (out.length !== count) {
    throw new Error(`Internal: "${place.name}" has ${count} elements, the array to read it into ${out.length}`)
  }
  const file = await open(path, 'r')
  try {
    if (place.type === 'F32') {
      await readFully(file, path, bytesOf(out), place.begin)
      return out
    }
    const size = elementBytes[place.type]
    const chunk = new Uint8Array(Math.min(chunkBytes, place.end - place.begin))
    for (let position = place.begin, at = 0; position < place.end; ) {
      const part = chunk.subarray(0, Math.min(chunk.length, place.end - position))
      await readFully(file, path, part, position)
      const n = part.length / size
      switch (place.type) {
        case 'F16': float16ToFloat32(new Uint16Array(part.buffer, 0, n), out, at, n); break
        case 'BF16': bfloat16ToFloat32(new Uint16Array(part.buffer, 0, n), out, at, n); break
        case 'F64': out.set(new Float64Array(part.buffer, 0, n), at); break
        case 'I64': out.set(Float64Array.from(new BigInt64Array(part.buffer, 0, n), Number), at); break
        case 'I32': out.set(new Int32Array(part.buffer, 0, n), at); break
        case 'I16': out.set(new Int16Array(part.buffer, 0, n), at); break
        case 'I8': out.set(new Int8Array(part.buffer, 0, n), at); break
        case 'U8': case 'BOOL': out.set(part, at); break
        default: place.type satisfies never
      }
      position += part.length
      at += n
    }
    return out
  } finally {
    await file.close()
  }
}

async function readIntegers(path: string, place: TensorPlace): Promise<Int32Array | Int8Array | Uint8Array> {
  const bytes = new Uint8Array(place.end - place.begin)
  const file = await open(path, 'r')
  try {
    await readFully(file, path, bytes, place.begin)
  } finally {
    await file.close()
  }
  switch (place.type) {
    case 'I32': return new Int32Array(bytes.buffer)
    case 'I16': return Int32Array.from(new Int16Array(bytes.buffer))
    case 'I8': return new Int8Array(bytes.buffer)
    case 'U8': case 'BOOL': return bytes
    case 'I64': return Int32Array.from(new BigInt64Array(bytes.buffer), value => {
      if (value !== BigInt.asIntN(32, value)) {
        throw new CheckpointError(path, `the tensor "${place.name}" holds ${value}, which does not fit in 32 bits`)
      }
      return Number(value)
    })
    default: throw new CheckpointError(path, `the tensor "${place.name}" is ${place.type}, not an integer type`)
  }
}

/** Makes a tensor source of places in files. */
export function storedTensors(places: ReadonlyMap<string, { readonly path: string; readonly place: TensorPlace }>, whole: string): StoredTensors {
  const find = (name: string) => {
    const found = places.get(name)
    if (!found) throw new CheckpointError(whole, `has no tensor "${name}"`)
    return found
  }
  return {
    names: [...places.keys()],
    has: name => places.has(name),
    shape: name => find(name).place.shape,
    type: name => find(name).place.type,
    read: async (name, into) => readFloats(find(name).path, find(name).place, into),
    readInts: async name => readIntegers(find(name).path, find(name).place),
  }
}

/** Opens one safetensors file: its header is checked now, tensors are read when asked for. Throws CheckpointError. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const { tensors, metadata } = await readSafetensorsHeader(path)
  const places = new Map([...tensors].map(([name, place]) => [name, { path, place }]))
  return { ...storedTensors(places, path), path, metadata }
}
