import type { KindDefinition, MemberProvider, PluginDefinition, ServiceProvider, StageDefinition } from './define.js'

/** A stage with the plugin that brought it. */
export interface RegisteredStage {
  readonly definition: StageDefinition
  readonly plugin: LoadedPlugin
  /** SHA-256 of what its `run` reaches; undefined when it cannot be computed, and then nothing of it is cached. */
  codeDigest(): Promise<string | undefined>
  /** What kept the digest from being computed, once `codeDigest` has answered undefined. */
  readonly codeFault?: () => string | undefined
}

export interface LoadedPlugin {
  readonly definition: PluginDefinition
  readonly name: string
  readonly version: string
  /** What a child process imports to have the plugin: an absolute file URL or a package specifier. */
  readonly module: string
  readonly builtIn: boolean
  /** The file that its author wrote; undefined for what is passed by code. */
  readonly source?: string
}

/** One of a collection, with the plugin that brought it. */
export interface RegisteredMember {
  readonly provider: MemberProvider
  readonly plugin: LoadedPlugin
  /** SHA-256 of what its `load` reaches, as of a stage's `run`. */
  codeDigest(): Promise<string | undefined>
  readonly codeFault?: () => string | undefined
}

/** All stages, kinds and providers of the plugins of one pipeline. Two plugins that define one stage are an error when it is made. */
export interface Registry {
  stage(id: string): RegisteredStage | undefined
  kind(id: string): KindDefinition | undefined
  member(collection: string, name: string): RegisteredMember | undefined
  readonly stages: readonly RegisteredStage[]
  readonly kinds: readonly KindDefinition[]
  readonly members: readonly RegisteredMember[]
  readonly plugins: readonly LoadedPlugin[]
  readonly providers: readonly { readonly plugin: string; readonly provider: ServiceProvider | MemberProvider }[]
}
