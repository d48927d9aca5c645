import { lstatSync, statSync, type BigIntStats } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../artifacts/store-error.js'
import type { GraphNode } from '../graph/graph.js'
import { filesOfFolder } from './outside-folder.js'
import type { RequestInput } from './types.js'

/** A file that a parameter names (the link and what it leads to are two), as it stood when a stage began. */
export interface InputStamp {
  readonly named: string
  readonly look: () => BigIntStats | undefined
  readonly before: BigIntStats | undefined
}

/** Taken before a stage reads them: content that is changed and changed back meanwhile has its digest again, and may have been read all the same. */
export function stampInputs(node: GraphNode, inputs: Readonly<Record<string, readonly RequestInput[]>>): InputStamp[] {
  const stamps: InputStamp[] = []
  const add = (named: string, look: InputStamp['look']) => stamps.push({ named, look, before: look() })
  for (const [port, all] of Object.entries(inputs)) {
    if (!node.inputs[port]?.some(member => member.type === 'files')) continue
    const { kind, view } = node.inputPorts[port]!
    for (const { path, reference = path } of all) {
      const files = kind.form === 'file' ? [''] : filesIn(path)
      for (const file of (kind.form === 'folder' && kind.files?.(files, view)) || files) {
        const full = join(path, file)
        add(reference, () => lstatSync(full, { bigint: true, throwIfNoEntry: false }))
        if (stamps.at(-1)?.before?.isSymbolicLink()) add(reference, () => statSync(full, { bigint: true, throwIfNoEntry: false }))
      }
    }
  }
  return stamps
}

/** What of it was written to since, as it is named in the pipeline. */
export const writtenSince = (stamps: readonly InputStamp[]): string[] => stamps.filter(({ look, before }) => wasWritten(before, look())).map(({ named }) => named)

function wasWritten(before: BigIntStats | undefined, now: BigIntStats | undefined): boolean {
  if (!before || !now) return before !== now
  if (before.ino !== now.ino || before.size !== now.size || before.mtimeNs !== now.mtimeNs) return true
  // A time set back leaves this. So does a new link to the file or another mode, which is no change; and the store and the cache, whose files are read-only, touch them.
  return before.ctimeNs !== now.ctimeNs && before.nlink === now.nlink && before.mode === now.mode && (now.mode & 0o222n) !== 0n
}

function filesIn(folder: string): string[] {
  try {
    return filesOfFolder(folder)
  } catch (error) {
    // Gone by now: the look at its content afterwards tells.
    if (codeOf(error) === undefined) throw error
    return []
  }
}
