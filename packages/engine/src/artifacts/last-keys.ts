import { join } from 'node:path'
import { isDigest, sha256 } from './digest.js'
import type { StoreIo } from './io.js'
import type { Layout } from './layout.js'
import { codeOf } from './store-error.js'
import type { Digest } from './types.js'

/** The key that each node of a pipeline had last, so that a plan can say what differs from then. An append-only file a pipeline. */
export class LastKeys {
  readonly #io: StoreIo
  readonly #at: Layout
  #isMade = false
  readonly #byPipeline = new Map<string, Map<string, Digest>>()

  constructor(io: StoreIo, at: Layout) {
    this.#io = io
    this.#at = at
  }

  of(pipeline: string): Map<string, Digest> {
    let keys = this.#byPipeline.get(pipeline)
    if (!keys) this.#byPipeline.set(pipeline, (keys = this.#read(pipeline)))
    return keys
  }

  remember(pipeline: string, node: string, key: Digest): void {
    const keys = this.of(pipeline)
    if (keys.get(node) === key) return
    keys.set(node, key)
    try {
      if (!this.#isMade) this.#io.fs.mkdirSync(this.#at.last, { recursive: true })
      this.#isMade = true
      // The line break comes first, so that a line torn by a kill spoils no other.
      this.#io.fs.appendFileSync(this.#file(pipeline), `\n${JSON.stringify([node, key])}`)
    } catch {
      // A later plan knows less to say: a run of hits needs no store that can be written.
    }
  }

  #read(pipeline: string): Map<string, Digest> {
    const keys = new Map<string, Digest>()
    let text: string
    try {
      text = this.#io.fs.readFileSync(this.#file(pipeline), 'utf8')
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return keys
      throw error
    }
    let lines = 0
    for (const line of pairsOf(text)) {
      lines++
      if (!Array.isArray(line)) continue
      const [node, key] = line as unknown[]
      if (typeof node === 'string' && typeof key === 'string' && isDigest(key)) keys.set(node, key)
    }
    if (lines > 4 * keys.size + 1000) this.#compact(pipeline, keys)
    return keys
  }

  #compact(pipeline: string, keys: ReadonlyMap<string, Digest>): void {
    const { fs } = this.#io
    const fresh = `${this.#file(pipeline)}.${process.pid}`
    try {
      fs.writeFileSync(fresh, [...keys].map(pair => `\n${JSON.stringify(pair)}`).join(''))
      fs.renameSync(fresh, this.#file(pipeline))
    } catch {
      // It stays long.
    }
  }

  #file(pipeline: string): string {
    return join(this.#at.last, `${sha256(pipeline).slice(0, 24)}.jsonl`)
  }
}

/** What stands on each line; undefined for one that a kill tore. All at once where none is torn: line by line takes three times as long. */
function pairsOf(text: string): readonly unknown[] {
  try {
    return JSON.parse(`[${text.trim().replaceAll('\n', ',')}]`) as unknown[]
  } catch {
    return text.split('\n').flatMap(line => (line === '' ? [] : [parsed(line)]))
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
