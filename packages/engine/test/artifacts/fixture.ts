import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openStore, type FileStore } from '../../src/artifacts/store.js'
import { digestOf } from '../../src/artifacts/digest.js'
import type { StoreIo } from '../../src/artifacts/io.js'
import type { ActionRecord, Component, OutputRecord } from '../../src/artifacts/types.js'

/** A temporary project with a store, removed when the test ends. */
export async function withProject<T>(act: (project: { dir: string; open: (io?: StoreIo) => Promise<FileStore>; write: (path: string, text: string) => string }) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'hone store-'))
  try {
    return await act({
      dir,
      open: io => openStore({ root: join(dir, '.hone'), projectRoot: dir, ...(io ? { io } : {}) }),
      write: (path, text) => {
        const full = join(dir, path)
        mkdirSync(dirname(full), { recursive: true })
        writeFileSync(full, text)
        return full
      },
    })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

export function recordOf(components: readonly Component[], outputs: Readonly<Record<string, OutputRecord>>, more: Partial<ActionRecord> = {}): ActionRecord {
  return {
    schema: 1,
    key: digestOf(components),
    staticKey: digestOf(components.filter(c => !c.name.startsWith('input '))),
    uses: 'command/shell',
    components,
    outputs,
    metrics: {},
    determinism: 'bytes',
    run: 'r1',
    node: 'a',
    finishedAt: '2026-01-01T00:00:00.000Z',
    durationMs: 5,
    ...more,
  }
}
