import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { sha256 } from './digest.js'
import type { StoreIo } from './io.js'
import type { Digest } from './types.js'

const pieceBytes = 1 << 20

/** How long everything else in this process waits for a large file. */
const turnMs = 10

/**
 * For all files, as each piece is hashed before another can be read; fresh memory for each file costs more than its system calls. By another thread they
 * would be read no sooner, and hashed from memory that is not in this one's cache.
 */
let shared: Buffer | undefined

/**
 * Not from the beginning of what is allocated: that much memory begins 16 bytes after a page, where some processors (AMD's) copy at a third of their speed
 * from pages of the kernel, as they take a write there for one to what they read next.
 */
const pieceBuffer = (): Buffer => (shared ??= Buffer.allocUnsafeSlow(pieceBytes + 64).subarray(64))

export interface FileDigest {
  readonly digest: Digest
  readonly bytes: number
}

/** SHA-256 of a file. One that has the size it was thought to have and is small takes one read. */
export const hashFile = (io: StoreIo, path: string, sizeHint: number): Promise<FileDigest> => readThrough(io, path, sizeHint)

/** Copies a file and hashes it in the same pass. */
export async function copyHashing(io: StoreIo, from: string, to: string, sizeHint: number): Promise<FileDigest> {
  const { fs } = io
  const target = fs.openSync(to, 'wx')
  try {
    return await readThrough(io, from, sizeHint, piece => {
      for (let done = 0; done < piece.length; ) done += fs.writeSync(target, piece, done)
    })
  } finally {
    fs.closeSync(target)
  }
}

async function readThrough({ fs }: StoreIo, path: string, sizeHint: number, onPiece?: (piece: Buffer) => void): Promise<FileDigest> {
  const buffer = pieceBuffer()
  const source = fs.openSync(path, 'r')
  try {
    const next = (at: number): Buffer => {
      const piece = buffer.subarray(0, fs.readSync(source, buffer, 0, pieceBytes, at))
      onPiece?.(piece)
      return piece
    }
    let piece = next(0)
    // More was asked for.
    if (piece.length === sizeHint && sizeHint < pieceBytes) return { digest: sha256(piece), bytes: sizeHint }
    const hash = createHash('sha256')
    let bytes = 0
    for (let turnEndsAt = performance.now() + turnMs; piece.length > 0; piece = next(bytes)) {
      hash.update(piece)
      bytes += piece.length
      if (performance.now() < turnEndsAt) continue
      await nextTurn()
      turnEndsAt = performance.now() + turnMs
    }
    return { digest: hash.digest('hex') as Digest, bytes }
  } finally {
    fs.closeSync(source)
  }
}
