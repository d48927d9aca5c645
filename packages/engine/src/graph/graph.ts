import type { JsonObject } from '../artifacts/types.js'
import type { InputPort, OutputPort, Resources } from '../plugin/define.js'
import type { RegisteredStage } from '../plugin/registry.js'
import type { Pipeline, StageSource } from '../source/pipeline.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'

/** A stage of one combination of the matrix: `tuned`, or `tuned[rank=8]`. */
export type NodeId = string & { readonly __brand: 'NodeId' }
export type Scalar = string | number | boolean

/** Where one member of an input port comes from. */
export type NodeInput =
  | { readonly type: 'output'; readonly node: NodeId; readonly port: string; readonly label: string }
  /** Named by a parameter: the files are found when the node is planned. `reference` is what the YAML says, `keyed` what the schema's artifact keyword says of it. */
  | { readonly type: 'files'; readonly param: string; readonly reference: string; readonly label: string; readonly glob: boolean; readonly keyed?: boolean; readonly range: SourceRange }

export interface GraphNode {
  readonly id: NodeId
  readonly source: StageSource
  readonly stage: RegisteredStage
  /** Own and inherited axes, in order. */
  readonly labels: Readonly<Record<string, Scalar>>
  /** Parameters after defaults. Strings that read a digest or a secret are still `${{ … }}`; `bindParams` resolves them. */
  readonly params: JsonObject
  /** JSON pointers below `with` of the values that wait for a digest or a secret. */
  readonly deferred: readonly string[]
  readonly inputPorts: Readonly<Record<string, InputPort>>
  readonly outputPorts: Readonly<Record<string, OutputPort>>
  /** By port, in order. */
  readonly inputs: Readonly<Record<string, readonly NodeInput[]>>
  /** All nodes that must be done before: inputs, needs, and what expressions read. */
  readonly after: readonly NodeId[]
  /** Those of `after` whose being skipped skips this one: single ports and needs. */
  readonly required: readonly NodeId[]
  /** False when known before the run, undefined when it waits for a metric or a digest: then `condition` is what is left of it. */
  readonly when: boolean | undefined
  readonly condition?: string
  /** The stages that `params`, `env` and `condition` still read, as written there, and the node that each means. */
  readonly reads: Readonly<Record<string, NodeId>>
  /** The declared environment; values that read a digest or a secret are still `${{ … }}`: see `evaluateEnv`. */
  readonly env: Readonly<Record<string, string>>
  readonly deferredEnv: readonly string[]
  readonly seed: number
  /** Port → path relative to the project root. */
  readonly publish: Readonly<Record<string, string>>
  readonly resources: Required<Pick<Resources, 'cpus' | 'gpus'>> & { readonly memory: number }
}

/** Every node, in an order in which each stands after what it needs. */
export interface Graph {
  readonly pipeline: Pipeline
  readonly nodes: ReadonlyMap<NodeId, GraphNode>
}
