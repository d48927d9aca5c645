import type { FileStore } from './store.js'
import type { ActionRecord } from './types.js'

export interface InventoryEntry {
  readonly record: ActionRecord
  readonly bytes: number
  /** Whether everything that it lists is there. */
  readonly isWhole: boolean
}

/** Every result in the store, newest first: what `cache ls` shows. */
export async function inventory(store: FileStore): Promise<InventoryEntry[]> {
  const entries: InventoryEntry[] = []
  for (const key of store.actions.keys()) {
    const record = store.actions.read(key)
    if (record) entries.push({ record, bytes: Object.values(record.outputs).reduce((sum, o) => sum + o.bytes, 0), isWhole: await store.isWhole(record) })
  }
  return entries.sort((a, b) => (a.record.finishedAt < b.record.finishedAt ? 1 : a.record.finishedAt > b.record.finishedAt ? -1 : a.record.key < b.record.key ? -1 : 1))
}
