import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { SourceRange } from '../diagnostics/diagnostic.js'

/** A range in a plugin's file from a 1-based line and column. */
export function placeInFile(file: string, line: number, column: number, length = 1): SourceRange {
  let offset = 0
  try {
    const lines = readFileSync(file, 'utf8').split('\n')
    for (let i = 0; i < line - 1 && i < lines.length; i++) offset += lines[i]!.length + 1
    offset += column - 1
  } catch {
    // The line and the column are what is printed; the offset only helps editors.
  }
  return { file, offset, length, line, column }
}

/** The first place of a stack that lies in one of `files`: where a plugin threw. */
export function placeInStack(stack: string | undefined, isOwn: (file: string) => boolean): SourceRange | undefined {
  for (const match of (stack ?? '').matchAll(/(?:\(|at )((?:file:\/\/)?\/[^()\n]+?):(\d+):(\d+)\)?$/gm)) {
    const file = match[1]!.startsWith('file:') ? fileURLToPath(match[1]!) : match[1]!
    if (isOwn(file)) return placeInFile(file, Number(match[2]), Number(match[3]))
  }
  return undefined
}
