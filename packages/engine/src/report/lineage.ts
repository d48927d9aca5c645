import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { lines } from '../artifacts/lines.js'
import type { Json, JsonObject } from '../artifacts/types.js'

/** An output of a run, where it lies now. */
export interface RunOutput {
  readonly stage: string
  readonly uses: string
  readonly port: string
  readonly kind: string
  readonly path: string
}

/** A row where it was found. */
export interface FoundRow extends RunOutput {
  /** Within a folder: `rows.jsonl`. */
  readonly file?: string
  /** From 1. */
  readonly line: number
  readonly row: JsonObject
}

/**
 * A row's whole way through a run: every row, in the order of the outputs, that has its id, that it was made of (`source`), or that was made of it.
 * Any output of lines of JSON is looked through, and those at the top of a folder.
 */
export async function followRow(outputs: readonly RunOutput[], id: string): Promise<readonly FoundRow[]> {
  // What a row was made of stands before it and what was made of it behind; each may again be a step of the way.
  const up = new Set([id])
  const down = new Set([id])
  for (;;) {
    const known = up.size + down.size
    const found: FoundRow[] = []
    for (const output of outputs) {
      for await (const row of rowsOf(output, [...up, ...down])) {
        const [own, source] = [text(row.row['id']), text(row.row['source'])]
        const isAbove = own !== undefined && up.has(own)
        const isBelow = source !== undefined && down.has(source)
        if (isAbove && source !== undefined) up.add(source)
        if (isBelow && own !== undefined) down.add(own)
        if (isAbove || isBelow || (own !== undefined && down.has(own))) found.push(row)
      }
    }
    if (up.size + down.size === known) return found
  }
}

const text = (value: Json | undefined): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

async function* rowsOf(output: RunOutput, ids: readonly string[]): AsyncGenerator<FoundRow> {
  if (!existsSync(output.path)) return
  const isFolder = statSync(output.path).isDirectory()
  const files = isFolder ? readdirSync(output.path).filter(name => name.endsWith('.jsonl')).sort() : [undefined]
  for (const file of files) {
    let line = 0
    for await (const written of lines(file === undefined ? output.path : join(output.path, file))) {
      line++
      // Of something else than lines of JSON the first tells.
      if (line === 1 && !written.startsWith('{')) break
      if (!ids.some(id => written.includes(id))) continue
      const row = parsed(written)
      if (row) yield { ...output, ...(file !== undefined && { file }), line, row }
    }
  }
}

function parsed(line: string): JsonObject | undefined {
  try {
    const value = JSON.parse(line) as Json
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined
  } catch {
    return undefined
  }
}
