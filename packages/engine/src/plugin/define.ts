import type { Json } from '../artifacts/types.js'

/** A JSON Schema (draft 2020-12) object; ajv checks parameters with it. Defaults in it are applied and are part of the key. */
export type JsonSchema = { readonly [keyword: string]: unknown }

declare const paramsType: unique symbol
/** A schema with the TypeScript type of what it accepts. */
export interface ParamsSchema<P> {
  readonly schema: JsonSchema
  readonly [paramsType]?: P
}

/** How an artifact lies on the disk and how its rows are read and written. */
export interface KindDefinition<Row = unknown> {
  readonly id: string
  readonly summary: string
  readonly form: 'file' | 'folder'
  /** File name extension without a dot, for file kinds; gives published and `artifacts --out` files their name. */
  readonly extension?: string
  /** Row-granular kinds (JSONL) are read and written row by row; the others through their path. */
  readonly rows?: { readonly check?: (row: unknown) => string | undefined; readonly __row?: Row }
  /** Kinds that are accepted where this one is asked for, for example `rows` where any JSONL will do. `*` is every kind. */
  readonly accepts?: readonly string[]
  /**
   * Which files of a folder count under a view (`undefined` is the whole artifact): a README in a model folder does not.
   * Gets the relative paths of all files, answers those that are part of it.
   */
  readonly files?: (paths: readonly string[], view: string | undefined) => readonly string[]
  /** Looks at the headers of what a parameter names, before the run; answers what is wrong with it. */
  readonly check?: (path: string, view: string | undefined) => Promise<readonly StageProblem[]>
  /** Knows references to what lies outside the project (`hf:org/name@revision`); undefined where a text is none of its own. Throws ReferenceProblem where it is malformed. */
  readonly resolve?: (reference: string) => OutsideReference | undefined
}

/** What a reference means outside the project. `find` asks no network and is what a plan sees; `ask` and `fetch` are called by `hone run` and `hone update` alone. */
export interface OutsideReference {
  /** Exactly what it means, where the reference says so itself (a whole commit); else it is asked for once and kept in hone.lock. */
  readonly pin?: string
  /** What it means now: the text that hone.lock keeps. Throws ReferenceProblem. */
  ask(context: FetchContext): Promise<string>
  /** Where it lies on this machine, whole as far as the view goes; undefined where it was not fetched. Throws ReferenceProblem. */
  find(pin: string, view: string | undefined, context: OutsideContext): string | undefined
  /** Brings it here and answers where it lies; undefined where it holds nothing of this kind. Throws ReferenceProblem, and what `signal` was aborted with. */
  fetch(pin: string, view: string | undefined, context: FetchContext): Promise<string | undefined>
}

export interface OutsideContext {
  /** A folder of the user, not of the project, which projects share; it may not be there yet. */
  readonly cacheDir: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** `HONE_SECRET_NAME` of the environment or of `.env`. Must not stand in any message. */
  readonly secretOf: (name: string) => string | undefined
}

export interface FetchContext extends OutsideContext {
  readonly signal: AbortSignal
  /** Bytes so far, and in all. */
  progress(done: number, total: number): void
}

/** Why a reference cannot be resolved or fetched, for people. */
export class ReferenceProblem extends Error {
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.name = 'ReferenceProblem'
    this.hint = hint
  }
}

/** By its name, as a plugin may have the class from another copy of the engine. */
export const isReferenceProblem = (error: unknown): error is ReferenceProblem => error instanceof Error && error.name === 'ReferenceProblem'

/** A port that one artifact comes in by, or several. */
export interface InputPort {
  readonly kind: KindDefinition<any>
  readonly optional?: boolean
  /** Takes a list or a map of labels. */
  readonly many?: boolean
  /** Only these files of it count: `tokenizer` of a model. */
  readonly view?: string
  readonly description?: string
}

export interface OutputPort {
  readonly kind: KindDefinition<any>
  /** May be left unwritten. */
  readonly optional?: boolean
  readonly description?: string
}

export type InputPorts = Readonly<Record<string, InputPort>>
export type OutputPorts = Readonly<Record<string, OutputPort>>

/** `bytes`: equal inputs give equal bytes anywhere. `platform`: on the same engine, architecture and thread count. */
export type Determinism = 'bytes' | 'platform' | 'none'

export interface Resources {
  readonly cpus?: number
  /** Bytes, or a size as in the YAML: `4GiB`. */
  readonly memory?: number | string
  readonly gpus?: number
}

/** A mistake in the parameters or in what they name. `param` is a JSON pointer below `with`, without the leading slash: `rank`, `split/test`. */
export interface StageProblem {
  readonly message: string
  readonly param?: string
  readonly hint?: string
  readonly severity?: 'error' | 'warning'
}

/** A typed name of a service in the container. */
export interface ServiceToken<T> {
  readonly id: symbol
  readonly name: string
  readonly __type?: T
}

/**
 * A typed name of what plugins provide several of, each by a name of its own: metrics, say. A stage that lists it under `services` gets
 * those that its parameters name: see `ProvidedKeyword`.
 */
export interface CollectionToken<T> extends ServiceToken<ReadonlyMap<string, T>> {
  /** Names that the stages which take it know themselves, and no plugin may provide. */
  readonly known: readonly string[]
  /** What a text looks like that is no name and stands for itself, as a regular expression. */
  readonly literal: string | undefined
}

export interface ArtifactHandle<Row = unknown> extends AsyncIterable<Row> {
  readonly kind: string
  /** Absolute; a file for file kinds, a folder with its real names for folder kinds. Read-only. */
  readonly path: string
  readonly digest: string
  /** The member's label in a many port (map key, or axis values), else ''. */
  readonly label: string
  /** As written in the YAML when a parameter named it (a path or a reference), else undefined. */
  readonly reference?: string
  /** Of what a parameter names that may hold patterns (`glob`): the path relative to the pattern's literal prefix, or to the folder. Of any other file its extension alone. */
  readonly logicalName?: string
}

export interface OutputHandle<Row = unknown> {
  /** Where to write: the file itself, or a folder that exists already. */
  readonly path: string
  /** Row kinds: appends a row (with backpressure). Throws where the kind's check refuses it. */
  write(row: Row): Promise<void>
}

/** Caches a function of rows by content across runs. Not part of the key; results are the same with it empty or full. */
export interface Memo {
  map<In extends Json, Out extends Json>(
    rows: AsyncIterable<In> | Iterable<In>,
    options: { salt: Json; chunk?: number },
    fn: (rows: readonly In[]) => Promise<readonly Out[]> | readonly Out[],
  ): AsyncIterable<Out>
}

/** What `run` gets. */
export interface StageContext<P = any> {
  readonly params: P
  /** By port: one handle, or a list of them in order where the port takes many; absent where optional and not given. */
  readonly inputs: Readonly<Record<string, any>>
  readonly outputs: Readonly<Record<string, OutputHandle<any>>>
  readonly services: Readonly<Record<string, any>>
  readonly seed: number
  readonly threads: number
  /** The declared environment of the stage, secrets resolved. */
  readonly env: Readonly<Record<string, string>>
  /** The project root, for stages that run commands there. */
  readonly projectRoot: string
  readonly signal: AbortSignal
  /** Where numbers are computed, from `backend:` or `HONE_BACKEND`, else undefined (choose). */
  readonly backend?: string
  /** A folder of its own that survives a failed attempt of a `resumable` stage, else empty at the start. */
  readonly scratch: string
  readonly memo: Memo
  /** Of a stage with `extends`: earlier results that it may go on from, newest first, each with the values of those parameters and a folder to read. */
  readonly prior: readonly { readonly params: Readonly<Record<string, any>>; readonly path: string }[]
  /** Of a stage with `extends`: an empty folder for what a later run needs to go on from here. It is no output and not in the key. */
  readonly keep?: string
  progress(done: number, total: number | undefined, unit: string, phase?: string): void
  /** A number of the result, or with `step` a point of a curve. Those without step are in the record and in `stages.X.metrics`. */
  metric(name: string, value: number, step?: number): void
  /** The same held-out question with the model's present answer. */
  sample(sample: { step: number; prompt: string; reference: string; prediction: string }): void
  log(message: string): void
  warn(message: string): void
  /** Ends the stage for good: what is wrong, the parameter (JSON pointer) it lies at, what to try. */
  fail(message: string, param?: string, hint?: string): never
}

/** What parameters name and is there already, by port. */
export type NamedInputs = Readonly<Record<string, readonly { path: string; logicalName: string; reference: string }[]>>

/** A stage that will make what comes in. */
export interface UpstreamStage {
  /** The node's id. */
  readonly stage: string
  readonly uses: string
  readonly params: Readonly<Record<string, any>>
  readonly inputs: NamedInputs
  /** Its ports that other stages feed. */
  readonly fed: readonly string[]
}

export interface CheckContext<P = any> {
  readonly params: P
  /** Not what other stages will make: that is not there yet. */
  readonly inputs: NamedInputs
  /** By port, the stages that will make what comes in there: what they are asked, so that two that do not go together are told before the first works. */
  readonly upstream: Readonly<Record<string, readonly UpstreamStage[]>>
  /** What `backend:` or `HONE_BACKEND` asks for. */
  readonly backend?: string
}

export interface ProbeContext<P = any> {
  /** Secrets resolved. */
  readonly params: P
  /** The declared environment of the stage, secrets resolved. */
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

export type RunFunction<P = any> = (context: StageContext<P>) => Promise<void> | void

/** A stage is data: documents, schema, plan and display read it without running it. */
export interface StageDefinition<P = any> {
  /** `kind/name`. */
  readonly id: string
  /** Raised when the meaning of its output changes. */
  readonly version: number
  readonly summary: string
  readonly params: ParamsSchema<P>
  /**
   * A function where the ports depend on the parameters or on what the file gives: `given` are the names under `inputs`, `shapes` says
   * which of them are given a list or a map.
   */
  readonly inputs: InputPorts | ((params: P, given: readonly string[], shapes: Readonly<Record<string, 'one' | 'many'>>) => InputPorts)
  readonly outputs: OutputPorts | ((params: P) => OutputPorts)
  readonly services?: Readonly<Record<string, ServiceToken<any>>>
  readonly determinism: Determinism | ((params: P) => Determinism)
  /** Its scratch survives a failed or interrupted attempt, and a new attempt goes on from it. */
  readonly resumable?: boolean
  /**
   * Parameters by which a result can go on from an earlier one that differs in nothing else (`epochs`): `run` finds such in `prior`, and leaves what a
   * later one needs in `keep`. What it makes must have the bytes of a run from nothing; where it cannot, it starts from nothing and logs why.
   */
  readonly extends?: readonly (keyof P & string)[]
  /** Pure JavaScript without native code: runs in a worker thread. */
  readonly light?: boolean
  readonly resources?: (params: P) => Resources
  /** Cheap, before the run: headers, not contents. */
  readonly check?: (context: CheckContext<P>) => Promise<readonly StageProblem[]> | readonly StageProblem[]
  /**
   * For a stage that reads data from outside the project: what that is at now (an ETag, a commit, a time of change), for the key. Cheap: a run asks
   * before its plan and once more after the stage, within ten seconds; a plan sees the last answer. Undefined where these parameters need no asking.
   * Without a probe such data is fetched once, and again with `--refresh`: then the stage's determinism is `none`.
   */
  readonly probe?: (context: ProbeContext<P>) => Promise<string | undefined>
  /** For `platform` stages: the engine and version that would compute, for the key; for example `onnx 1.30.0`. */
  readonly engine?: (params: P, backend: string | undefined) => string
  /** An example `with:` to paste, as YAML. */
  readonly example?: string
  /** Heavy imports live behind it, so that planning loads none: `() => import('./notion.run.js')`, whose default export runs. */
  readonly run: () => Promise<{ default: RunFunction<P> }>
}

export interface PluginDefinition {
  readonly name: string
  /** The plugin API that it was written for. */
  readonly api: 1
  readonly version?: string
  readonly stages?: readonly StageDefinition<any>[]
  readonly kinds?: readonly KindDefinition<any>[]
  /** Services: what the container gives where a stage or the engine asks for the token. */
  readonly provides?: readonly (ServiceProvider | MemberProvider)[]
  readonly commands?: readonly CommandDefinition<any>[]
}

export interface ServiceProvider<T = any> {
  readonly token: ServiceToken<T>
  readonly create: (resolve: <U>(token: ServiceToken<U>) => U) => T
}

/** One of a collection. Its code is part of the key of the stages whose parameters name it, and of no other. */
export interface MemberProvider<T = any> {
  readonly token: CollectionToken<T>
  /** `[a-z][a-z0-9_-]*`: what parameters say. */
  readonly name: string
  readonly summary: string
  /** As `run` of a stage: `() => import('./brevity.js')`, whose default export it is. */
  readonly load: () => Promise<{ default: T }>
}

export const isMember = (provider: ServiceProvider | MemberProvider): provider is MemberProvider => 'load' in provider

/** `hone NAME …` in a project whose hone.yaml names the plugin. */
export interface CommandDefinition<P = any> {
  readonly name: string
  readonly summary: string
  /** What stands after the name, as in a line of help: `<file> [stages...]`. */
  readonly arguments?: string
  /** Its options: `{ limit: { type: 'integer', default: 10, description: '…' } }` is `--limit <integer>`. */
  readonly params: ParamsSchema<P>
  readonly example?: string
  readonly run: () => Promise<{ default: (context: CommandContext<P>) => unknown }>
}

/** What a command gets. What it answers is printed: a text as it is, anything else as JSON, with `--json` on one line. */
export interface CommandContext<P = any> {
  readonly params: P
  readonly args: readonly string[]
  readonly projectRoot: string
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** A line to stderr. */
  log(message: string): void
  /** Ends it with exit code 1: what is wrong, and what to try. */
  fail(message: string, hint?: string): never
}

/**
 * Marks a parameter as naming a file, a folder, a glob or a model: it feeds `port` with what it names, and the key holds the
 * content. A keyword of the parameter's JSON Schema: `{ type: 'string', artifact: { port: 'model' } }`.
 */
export interface ArtifactKeyword {
  readonly port: string
  /** The string (or list of strings) may hold `*`, `**`, `?` and `{a,b}`; a folder stands for all files below it. */
  readonly glob?: boolean
  /**
   * Whether the text as written is part of the key, for stages whose output holds it (`base_model_name_or_path`). By default it is for a
   * folder kind without glob and for nothing else; then a renamed file reruns nothing, and the stage must not write its name or path into an output.
   */
  readonly keyed?: boolean
}

/**
 * Marks a parameter as naming one of a collection: the key of `services` that it stands under. A keyword of the parameter's JSON Schema:
 * `{ type: 'string', provided: 'metrics' }` beside `services: { metrics: collections.metrics }`.
 */
export type ProvidedKeyword = string

export const params = <P>(schema: JsonSchema): ParamsSchema<P> => ({ schema })
export const defineStage = <P>(definition: StageDefinition<P>): StageDefinition<P> => Object.freeze(definition)
export const defineKind = <Row = unknown>(definition: KindDefinition<Row>): KindDefinition<Row> => Object.freeze(definition)
export const definePlugin = (definition: PluginDefinition): PluginDefinition => Object.freeze(definition)
/**
 * One of `provides` whose type is held to that of its token: `provide(services.store, () => openStore)`, `provide(collections.metrics, { name, summary,
 * load })`. Written out as an object it is not.
 */
export function provide<T>(token: CollectionToken<T>, member: Omit<MemberProvider<NoInfer<T>>, 'token'>): MemberProvider<T>
export function provide<T>(token: ServiceToken<T>, create: ServiceProvider<NoInfer<T>>['create']): ServiceProvider<T>
export function provide(token: ServiceToken<any>, given: ServiceProvider['create'] | Omit<MemberProvider, 'token'>): ServiceProvider | MemberProvider {
  return typeof given === 'function' ? { token, create: given } : { token: token as CollectionToken<any>, ...given }
}
export const defineCommand = <P>(definition: CommandDefinition<P>): CommandDefinition<P> => Object.freeze(definition)
export const defineCollection = <T>(name: string, { known = [], literal }: { readonly known?: readonly string[]; readonly literal?: string } = {}): CollectionToken<T> =>
  ({ id: Symbol.for(`hone:${name}`), name, known, literal })
export const isCollection = (token: ServiceToken<any>): token is CollectionToken<unknown> => 'known' in token
export const defineService = <T>(name: string): ServiceToken<T> => ({ id: Symbol.for(`hone:${name}`), name })
