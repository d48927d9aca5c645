import type { ActionRecord, Component, Digest, JsonObject } from '../artifacts/types.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Graph, GraphNode, NodeId } from '../graph/graph.js'

/** One artifact that comes in, with its real place. */
export interface RequestInput {
  readonly kind: string
  readonly path: string
  readonly digest: Digest
  readonly label: string
  readonly reference?: string
  readonly logicalName?: string
}

/** What a node's key is made of, once all that comes in is known. `key` is undefined when nothing may be cached. */
export interface Fingerprint {
  readonly key: Digest | undefined
  /** Asked for only where there is no hit. */
  readonly staticKey: () => Digest | undefined
  readonly components: readonly Component[]
  /** Of a result that is used again: what it rests on that may have changed. */
  readonly note?: string
  /** What kept something of the key from being looked at, told once. */
  readonly warning?: string
  /** Why there is no key. */
  readonly uncached?: string
  /** Parameters with digests and secrets resolved, for the request; never stored. */
  readonly params: JsonObject
  /** The declared environment with secrets resolved; never stored. */
  readonly env: Readonly<Record<string, string>>
  readonly inputs: Readonly<Record<string, readonly RequestInput[]>>
}

/**
 * What is known of a node's key. `waiting`: an upstream has not run yet (its `static` part is known all the same). `blocked`: something that it
 * takes is not there; a mistake when seen before the run, a failure of the node when seen in it.
 */
export type FingerprintOutcome =
  | (Fingerprint & { readonly type: 'ready' })
  | { readonly type: 'waiting'; readonly for: readonly NodeId[]; readonly staticKey: () => Digest | undefined; readonly components: readonly Component[] }
  | { readonly type: 'blocked'; readonly diagnostics: readonly Diagnostic[] }

/** What a plan keeps of the record of a hit: a hundred thousand whole ones would be most of its memory. */
export type KeptResult = Pick<ActionRecord, 'key' | 'outputs' | 'metrics' | 'node' | 'pipeline' | 'durationMs'>

export type PlannedAction =
  | { readonly action: 'hit'; readonly record: KeptResult }
  | { readonly action: 'run' }
  | { readonly action: 'undetermined' }
  | { readonly action: 'skip' }

export type PlannedNode = PlannedAction & {
  readonly node: GraphNode
  readonly reasons: readonly string[]
  /** Of the last run of this stage. */
  readonly expectedMs?: number
}

export interface Plan {
  readonly graph: Graph
  readonly nodes: ReadonlyMap<NodeId, PlannedNode>
}
