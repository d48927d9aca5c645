import * as fs from 'node:fs'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { encodeTyped } from './canonical-json.js'
import { sha256 } from './digest.js'
import { Pack, scanPack, type Place } from './memo-pack.js'
import type { Json } from './types.js'

/** Raised when keys or packs change their meaning. */
const memoSchema = 1

export interface MemoOptions {
  /** `.hone/memo`. */
  readonly root: string
  /** Of the code whose results these are: other code has other rows. */
  readonly digest: string
  readonly signal: AbortSignal
}

export interface RowMemo {
  map<In extends Json, Out extends Json>(
    rows: AsyncIterable<In> | Iterable<In>,
    options: { salt: Json; chunk?: number },
    fn: (rows: readonly In[]) => Promise<readonly Out[]> | readonly Out[],
  ): AsyncIterable<Out>
  close(): void
}

/**
 * The row memo of one stage. `map` gives `fn` one row at a time, or with `chunk` about so many: chunks end where a row's content says so, so
 * that an added row moves no later boundary. What `fn` gave is kept as JSON in an append-only pack of this process, and is answered as read back
 * from JSON, also the first time. A damaged entry is a miss; a disk that cannot be written costs only the memo.
 */
export function openMemo({ root, digest, signal }: MemoOptions): RowMemo {
  const dir = join(root, digest)
  /** An entry that was found damaged stands a second time in a later pack. */
  let entries: Map<string, readonly Place[]> | undefined
  let pack: Pack | undefined
  let canWrite = true

  const load = () => {
    const found = new Map<string, readonly Place[]>()
    try {
      if (!fs.existsSync(dir)) return found
      for (const name of fs.readdirSync(dir)) {
        if (name.endsWith('.pack')) for (const [key, place] of scanPack(join(dir, name))) found.set(key, [place, ...(found.get(key) ?? [])])
      }
      // What is used is not garbage.
      fs.utimesSync(dir, new Date(), new Date())
    } catch {
      // What cannot be read is computed; a read-only store answers all the same.
    }
    return found
  }

  const keep = (key: string, text: string) => {
    if (!canWrite) return
    try {
      if (!pack) {
        fs.mkdirSync(dir, { recursive: true })
        pack = new Pack(join(dir, `${process.pid}-${randomBytes(6).toString('hex')}.pack`))
      }
      entries?.set(key, [pack.append(key, text)])
    } catch {
      canWrite = false
    }
  }

  return {
    async *map<In extends Json, Out extends Json>(
      rows: AsyncIterable<In> | Iterable<In>,
      { salt, chunk = 1 }: { salt: Json; chunk?: number },
      fn: (rows: readonly In[]) => Promise<readonly Out[]> | readonly Out[],
    ): AsyncIterable<Out> {
      entries ??= load()
      const prefix = encodeTyped([memoSchema, digest, salt, chunk])
      for await (const { members, key } of chunksOf(rows, chunk, prefix)) {
        signal.throwIfAborted()
        let text: string | undefined
        for (const place of entries.get(key) ?? []) text ??= Pack.read(place)
        if (text === undefined) {
          text = JSON.stringify(resultsOf(await fn(members)))
          keep(key, text)
        }
        yield* JSON.parse(text) as Out[]
      }
    },
    close() {
      pack?.close()
      pack = undefined
      entries = undefined
    },
  }
}

/** What the function of `map` gave, which in plain JavaScript may be anything: nothing else than a list is kept. */
export function resultsOf<Out>(given: readonly Out[]): readonly Out[] {
  if (Array.isArray(given)) return given
  const got: unknown = given
  throw new TypeError(`the function of memo.map must answer a list, the results of the rows that it was given; got ${got === null || got === undefined ? String(got) : typeof got === 'object' ? 'an object' : `a ${typeof got}`}`)
}

/** Rows in runs of `size` on average, between a quarter and four times of it, each with the key of its content. */
async function* chunksOf<In extends Json>(
  rows: AsyncIterable<In> | Iterable<In>,
  size: number,
  prefix: string,
): AsyncIterable<{ members: readonly In[]; key: string }> {
  let members: In[] = []
  let hash = createHash('sha256').update(prefix)
  for await (const row of rows) {
    members.push(row)
    const digest = sha256(encodeTyped(row))
    hash.update(digest)
    const isBoundary = parseInt(digest.slice(0, 8), 16) % size === 0
    if (!(size <= 1 || members.length >= size * 4 || (isBoundary && members.length >= size / 4))) continue
    yield { members, key: hash.digest('hex') }
    members = []
    hash = createHash('sha256').update(prefix)
  }
  if (members.length > 0) yield { members, key: hash.digest('hex') }
}
