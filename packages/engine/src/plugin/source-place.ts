import { readFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SourceRange } from '../diagnostics/diagnostic.js'
import type { LoadedPlugin } from './registry.js'
import { inNodeModules } from './resolve.js'

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
  for (const match of (stack ?? '').matchAll(/(?:\(|at (?:async )?)((?:file:\/\/)?\/[^()\n]+?):(\d+):(\d+)\)?$/gm)) {
    const file = match[1]!.startsWith('file:') ? fileURLToPath(match[1]!) : match[1]!
    if (isOwn(file)) return placeInFile(file, Number(match[2]), Number(match[3]))
  }
  return undefined
}

const here = fileURLToPath(import.meta.url)
/** Hone's own packages where they are a workspace and not installed ones. */
const workspace = inNodeModules(here) ? undefined : fileURLToPath(new URL('../../../', import.meta.url))

/** Where a stage of a plugin threw: the first place of the stack that its author wrote. Undefined for a built-in one, and where no source map leads back. */
export function placeInPlugin(stack: string | undefined, { source, module }: Pick<LoadedPlugin, 'source' | 'module'>): SourceRange | undefined {
  if (source === undefined) return undefined
  const bundle = dirname(fileURLToPath(module)) + sep
  const home = packageFolder(source)
  return placeInStack(stack, file => !file.startsWith(bundle) && !(workspace && file.startsWith(workspace)) && packageFolder(file) === home)
}

/** The folder of the installed package that a file lies in; undefined for a file of the project itself. */
function packageFolder(file: string): string | undefined {
  const parts = file.split(sep)
  const at = parts.lastIndexOf('node_modules')
  return at < 0 ? undefined : join(sep, ...parts.slice(0, at + (parts[at + 1]?.startsWith('@') ? 3 : 2)))
}
