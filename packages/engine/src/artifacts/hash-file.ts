import { createHash } from 'node:crypto'
import { sha256 } from './digest.js'
import type { StoreIo } from './io.js'
import type { Digest } from './types.js'

const chunkBytes = 1 << 20

/** For all small files: what is read at once is hashed before another can be read, and fresh memory for each costs more than its system calls. */
let shared: Buffer | undefined

export interface FileDigest {
  readonly digest: Digest
  readonly bytes: number
}

/** SHA-256 of a file; small ones at once, large ones in pieces, with the next piece being read while one is hashed. */
export async function hashFile(io: StoreIo, path: string, sizeHint: number): Promise<FileDigest> {
  const data = sizeHint < chunkBytes ? readAtOnce(io, path) : undefined
  return data ? { digest: sha256(data), bytes: data.length } : readThrough(io, path, undefined)
}

/** Copies a file and hashes it in the same pass. */
export async function copyHashing(io: StoreIo, from: string, to: string, sizeHint: number): Promise<FileDigest> {
  const data = sizeHint < chunkBytes ? readAtOnce(io, from) : undefined
  if (!data) return readThrough(io, from, to)
  io.fs.writeFileSync(to, data, { flag: 'wx' })
  return { digest: sha256(data), bytes: data.length }
}

/** Good until the next call; undefined where the file is larger than it was thought to be. */
function readAtOnce({ fs }: StoreIo, path: string): Buffer | undefined {
  const buffer = (shared ??= Buffer.allocUnsafeSlow(chunkBytes))
  const fd = fs.openSync(path, 'r')
  try {
    for (let bytes = 0; bytes < buffer.length; ) {
      const more = fs.readSync(fd, buffer, bytes, buffer.length - bytes, bytes)
      if (more === 0) return buffer.subarray(0, bytes)
      bytes += more
    }
    return undefined
  } finally {
    fs.closeSync(fd)
  }
}

async function readThrough(io: StoreIo, from: string, to: string | undefined): Promise<FileDigest> {
  const source = await io.fs.promises.open(from, 'r')
  try {
    const target = to === undefined ? undefined : await io.fs.promises.open(to, 'wx')
    try {
      const hash = createHash('sha256')
      let [front, back] = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)]
      let bytes = 0
      let pending = source.read(front, 0, chunkBytes, 0)
      for (;;) {
        const { bytesRead } = await pending
        if (bytesRead === 0) break
        bytes += bytesRead
        pending = source.read(back, 0, chunkBytes, bytes)
        const piece = front.subarray(0, bytesRead)
        const written = target ? writeAll(target, piece) : undefined
        hash.update(piece)
        try {
          await written
        } catch (error) {
          await pending.catch(() => undefined)
          throw error
        }
        ;[front, back] = [back, front]
      }
      return { digest: hash.digest('hex') as Digest, bytes }
    } finally {
      await target?.close()
    }
  } finally {
    await source.close()
  }
}

async function writeAll(target: { write(data: Uint8Array): Promise<{ bytesWritten: number }> }, data: Uint8Array): Promise<void> {
  for (let done = 0; done < data.length; ) done += (await target.write(data.subarray(done))).bytesWritten
}
