import type { StoreIo } from './io.js'

/** More than the threads of node's pool, so that none of them, nor this one, sleeps and is woken for each file. */
const atOnce = 16

/**
 * Brings files and folders to the disk for good. Several at once, as one write of the file system's journal then serves them all: 2,500 small files took a
 * fifth of the time. Throws when one could not be, after the others are.
 */
export async function flushAll(fs: StoreIo['fs'], paths: readonly string[]): Promise<void> {
  let next = 0
  const flushing = Array.from({ length: atOnce }, async () => {
    while (next < paths.length) await flush(fs, paths[next++] as string)
  })
  for (const one of await Promise.allSettled(flushing)) if (one.status === 'rejected') throw one.reason
}

async function flush(fs: StoreIo['fs'], path: string): Promise<void> {
  const fd = fs.openSync(path, 'r')
  try {
    await new Promise<void>((done, fail) => fs.fsync(fd, error => (error ? fail(error) : done())))
  } finally {
    fs.closeSync(fd)
  }
}
