import { open, type FileHandle } from 'node:fs/promises'
import { lines } from '../artifacts/lines.js'
import { jsonFault } from '../diagnostics/json-fault.js'
import type { KindDefinition } from '../plugin/define.js'
import { StageFailure } from './stage-failure.js'

/** The loops over inputs that have begun and not ended, each with its port. */
export type Reading = Set<{ readonly port: string }>

/** The rows of a JSONL file, each checked by its kind. A bad row ends the stage for good with `name:line`. */
export async function* readRows(path: string, name: string, kind: KindDefinition, signal?: AbortSignal, reading?: Reading, port = ''): AsyncGenerator<unknown> {
  let number = 0
  const loop = { port }
  reading?.add(loop)
  try {
    for await (const text of lines(path, signal)) {
      number++
      const line = number === 1 && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
      if (line.trim() === '') continue
      let row: unknown
      try {
        row = JSON.parse(line)
      } catch (error) {
        throw new StageFailure(`${name}:${number} is not JSON: ${jsonFault(error)}`, undefined, 'JSONL holds one JSON value a line.')
      }
      const wrong = kind.rows?.check?.(row)
      if (wrong !== undefined) throw new StageFailure(`${name}:${number} ${wrong}`, undefined, `A row of ${kind.id}: ${kind.summary}`)
      yield row
    }
  } finally {
    reading?.delete(loop)
  }
}

/** A stage's function has returned, and the stage had not ended. */
export class EarlyReturn extends Error {}

const bufferChars = 1 << 18

/** Appends rows to a JSONL file that is made with the first of them. `write` waits while the disk is behind. */
export class RowWriter {
  readonly #path: string
  readonly #port: string
  readonly #kind: KindDefinition
  #file: FileHandle | undefined
  #parts: string[] = []
  #chars = 0
  #rows = 0
  #writing: Promise<void> = Promise.resolve()
  #isClosed = false
  #late: EarlyReturn | undefined

  constructor(path: string, port: string, kind: KindDefinition) {
    this.#path = path
    this.#port = port
    this.#kind = kind
  }

  get rows(): number {
    return this.#rows
  }

  /** What the first write after the end was told. */
  get late(): EarlyReturn | undefined {
    return this.#late
  }

  async write(row: unknown): Promise<void> {
    if (this.#isClosed) throw (this.#late ??= new EarlyReturn(`row ${this.#rows + 1} of the output "${this.#port}" was written after the stage's function had returned: await what writes it`))
    const wrong = this.#kind.rows?.check?.(row)
    if (wrong !== undefined) throw new TypeError(`row ${this.#rows + 1} of the output "${this.#port}" (${this.#kind.id}): ${wrong}`)
    const line = JSON.stringify(row) as string | undefined
    if (line === undefined) throw new TypeError(`row ${this.#rows + 1} of the output "${this.#port}" is no JSON value`)
    this.#rows++
    this.#parts.push(line, '\n')
    this.#chars += line.length + 1
    if (this.#chars >= bufferChars) await this.#flush()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    try {
      if (this.#parts.length > 0) await this.#flush()
      await this.#writing
    } finally {
      await this.#file?.close()
      this.#file = undefined
    }
  }

  #flush(): Promise<void> {
    const text = this.#parts.join('')
    this.#parts = []
    this.#chars = 0
    this.#writing = this.#writing.then(async () => {
      this.#file ??= await open(this.#path, 'a')
      await this.#file.writeFile(text)
    })
    return this.#writing
  }
}
