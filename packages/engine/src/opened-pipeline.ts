import type { ArtifactStore } from './artifacts/types.js'
import type { Services } from './compose.js'
import type { Graph } from './graph/graph.js'
import type { References } from './plan/references.js'
import type { Registry } from './plugin/registry.js'

/** A pipeline with its graph, the plugins it names and the store of its project. */
export interface OpenedPipeline {
  readonly graph: Graph
  readonly registry: Registry
  /** The container, made when it is first asked for: a run of hits alone does not need it, and it takes longer to load than the rest. */
  readonly services: () => Promise<Services>
  readonly store: ArtifactStore
  /** By name. */
  readonly secrets: ReadonlyMap<string, string>
  /** Leads to other pipelines and to what lies outside. */
  readonly references: References
  readonly backend?: string
  /** `hone run` of one of its stages, as it is typed. */
  readonly commandFor: (stage: string) => string
}
