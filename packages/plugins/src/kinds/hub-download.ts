import { createHash, type Hash } from 'node:crypto'
import { createReadStream, readdirSync, renameSync, rmSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ReferenceProblem } from 'hone-engine'
import type { HubFile } from './hub.js'

export interface Download {
  readonly url: string
  readonly file: HubFile
  /** What is there already is taken to be the beginning. */
  readonly to: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly onBytes: (done: number) => void
  /** What to say of a response that is none, or of an error of the network. */
  readonly refused: (why: unknown) => ReferenceProblem
}

const attempts = 4
const firstDelayMs = 500
/** No byte for so long, and the connection counts as lost. */
const idleMs = 60_000

/**
 * Fetches one file and checks its size and digest; a connection that breaks is taken up where it broke. On a lasting failure the beginning
 * stays for the next try, unless it is the beginning of something else.
 */
export async function download(wanted: Download): Promise<void> {
  const { file, to, signal, refused } = wanted
  for (let attempt = 1; ; attempt++) {
    const began = await sizeOf(to)
    try {
      const hex = await transfer(wanted, began)
      const { size } = await stat(to)
      if (size === file.size && hex === file.digest.hex) return
      rmSync(to)
      // The beginning may have been damaged: once more from the start, which counts as no attempt.
      if (began > 0) {
        attempt--
        continue
      }
      const wrong = size === file.size ? `has the digest ${hex}; the hub lists ${file.digest.hex}` : `came with ${size} bytes; the hub lists ${file.size}`
      throw new ReferenceProblem(`${file.path} ${wrong}`, 'Something on the way changes what the hub sends; look at proxies and at HF_ENDPOINT.')
    } catch (error) {
      if (error instanceof ReferenceProblem || signal.aborted || isOfDisk(error)) throw error
      const isPassing = !(error instanceof Refused) || error.response.status >= 500 || error.response.status === 429
      if (!isPassing || attempt === attempts) throw refused(error instanceof Refused ? error.response : error)
      await sleep(firstDelayMs * 2 ** (attempt - 1), undefined, { signal })
    }
  }
}

/** What fetch throws of the network stands below a `cause`. */
export const isOfDisk = (error: unknown): boolean => error instanceof Error && 'syscall' in error && 'code' in error

class Refused extends Error {
  readonly response: Response
  constructor(response: Response) {
    super(String(response.status))
    this.response = response
  }
}

/** One connection; answers the digest of all that is there then. */
async function transfer({ url, file, to, headers, signal, onBytes }: Download, began: number): Promise<string> {
  const idle = new AbortController()
  const timer = setTimeout(() => idle.abort(new Error('no byte for a minute')), idleMs)
  try {
    const from = began < file.size ? began : 0
    if (from < began) rmSync(to)
    const response = await fetch(url, { headers: { ...headers, ...(from > 0 && { range: `bytes=${from}-` }) }, signal: AbortSignal.any([signal, idle.signal]) })
    const goesOn = response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${from}-`) === true
    if (!response.ok || !response.body || (response.status === 206 && !goesOn)) {
      await response.body?.cancel()
      throw new Refused(response)
    }
    const hash = goesOn ? await hashOf(to, file) : hashFor(file)
    let done = goesOn ? from : 0
    const out = await open(to, goesOn ? 'a' : 'w')
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        timer.refresh()
        await out.writeFile(chunk)
        hash.update(chunk)
        done += chunk.byteLength
        // More than there should be: it is something else, and its end need not be waited for.
        if (done > file.size) break
        onBytes(done)
      }
      await out.sync()
    } finally {
      await out.close()
    }
    return hash.digest('hex')
  } finally {
    clearTimeout(timer)
  }
}

/** Git hashes a small file with its length before it. */
const hashFor = ({ digest, size }: HubFile): Hash => (digest.algorithm === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`))

async function hashOf(path: string, file: HubFile): Promise<Hash> {
  const hash = hashFor(file)
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0

/** A file of this process alone, so that two that fetch the same do not meet; what a process left that is gone is taken over. */
export function unfinishedOf(blob: string): string {
  const mine = `${blob}.part-${hostname()}-${process.pid}`
  const prefix = `${basename(blob)}.part-${hostname()}-`
  for (const name of readdirSync(dirname(blob))) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : NaN
    if (!Number.isInteger(pid) || pid === process.pid || isRunning(pid)) continue
    try {
      renameSync(join(dirname(blob), name), mine)
      break
    } catch {
      // Another process was faster.
    }
  }
  return mine
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
