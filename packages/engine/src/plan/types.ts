import type { ActionRecord, Component, Digest, Json, JsonObject } from '../artifacts/types.js'
import type { Code } from '../diagnostics/codes.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Graph, GraphNode, NodeId } from '../graph/graph.js'
import type { KindDefinition } from '../plugin/define.js'

/** One artifact that comes in, with its real place. */
export interface RequestInput {
  readonly kind: string
  readonly path: string
  readonly digest: Digest
  readonly label: string
  readonly reference?: string
  readonly logicalName?: string
}

/** What resolves a node's parameters and environment once digests are known; `template` and `envTemplate` keep secrets as `${{ secrets.X }}`. */
export interface BoundNode {
  readonly params: JsonObject
  readonly template: JsonObject
  readonly env: Readonly<Record<string, string>>
  readonly envTemplate: Readonly<Record<string, string>>
}

/** One artifact that a parameter names. `content` is what of it stands in the key. */
export interface NamedArtifact {
  readonly path: string
  /** Where patterns may stand, relative to the pattern's literal prefix or to the folder; where one file is meant its extension alone; of a folder ''. */
  readonly logicalName: string
  readonly digest: Digest
  readonly content: Json
  /** Where patterns may stand: what the name is relative to, as written. */
  readonly prefix?: string
}

export type NamedFiles =
  | { readonly type: 'found'; readonly artifacts: readonly NamedArtifact[] }
  | { readonly type: 'problem'; readonly code: Code; readonly message: string; readonly hint: string }

/** What a parameter names, and for which port. */
export interface Naming {
  readonly port: string
  readonly reference: string
  readonly glob: boolean
  readonly kind: KindDefinition
  readonly view: string | undefined
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
