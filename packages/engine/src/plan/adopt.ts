import type { ActionRecord, ArtifactStore } from '../artifacts/types.js'
import { describe, explain } from './explain.js'
import type { Fingerprint } from './types.js'

export type Adoption =
  | { readonly type: 'adopted'; readonly record: ActionRecord }
  | { readonly type: 'already-a-hit'; readonly record: ActionRecord }
  | { readonly type: 'refused'; readonly reasons: readonly string[] }

/** What an edit of code may change without the user's data or parameters being other ones. */
const harmless = new Set(['code', 'version', 'key schema'])

/**
 * Keeps an earlier result of a stage under its present key, on the user's word that an edit of its code was harmless. Refused where anything but the
 * code differs. The record says for ever after that it was adopted, and from which key.
 */
export async function adopt(previous: ActionRecord | undefined, present: Fingerprint, store: ArtifactStore, nowMs: number): Promise<Adoption> {
  const { key, components } = present
  const staticKey = present.staticKey()
  if (key === undefined || staticKey === undefined) return { type: 'refused', reasons: [present.uncached ?? 'it has no key'] }
  const hit = await store.lookup(key)
  if (hit) return { type: 'already-a-hit', record: hit }
  if (!previous || !(await store.lookup(previous.key))) return { type: 'refused', reasons: ['there is no earlier result to adopt'] }
  const others = explain(previous.components, present.components).filter(d => !harmless.has(d.component))
  if (others.length > 0) return { type: 'refused', reasons: describe(others, previous.uses) }
  return {
    type: 'adopted',
    record: await store.publish({ ...previous, key, staticKey, components, adoptedFrom: previous.key, finishedAt: new Date(nowMs).toISOString() }),
  }
}
