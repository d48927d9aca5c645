import { join, relative, resolve } from 'node:path'
import { layout } from './artifacts/layout.js'
import { realIo } from './artifacts/io.js'
import { openStore } from './artifacts/store.js'
import { StoreError } from './artifacts/store-error.js'
import { placeProblem, tryWriting } from './artifacts/store-place.js'
import type { ArtifactStore } from './artifacts/types.js'
import type { Provided, Services } from './compose.js'
import { Collector } from './diagnostics/collector.js'
import type { Diagnostic } from './diagnostics/diagnostic.js'
import { DiagnosticError } from './diagnostics/diagnostic-error.js'
import { shellWord } from './diagnostics/shell-word.js'
import { refusal, type Result } from './diagnostics/result.js'
import { redactor } from './events/secrets.js'
import { executorNamed, services as own } from './execute/services.js'
import { fetchNamed, type Fetching } from './fetch-references.js'
import type { Graph } from './graph/graph.js'
import type { NamedForPort } from './graph/expand.js'
import { furtherInGraph, namedBy, resolveGraph } from './graph/resolve.js'
import type { OpenedPipeline } from './opened-pipeline.js'
import { OtherPipelines } from './other-pipelines.js'
import { lookAtNamed } from './plan/check.js'
import { plan, type PlanOptions } from './plan/plan.js'
import { OutsideData } from './plan/outside-data.js'
import type { References } from './plan/references.js'
import type { Plan } from './plan/types.js'
import { loadRegistry } from './plugin/load.js'
import type { LoadedRegistry } from './plugin/make-registry.js'
import type { LoadedPlugin, Registry } from './plugin/registry.js'
import { missingSecrets, selectionOf, type Selected } from './selection.js'
import type { Pipeline } from './source/pipeline.js'
import { parsePipeline } from './source/parse.js'
import { readLock } from './plan/lock-file.js'
import { readText } from './read-text.js'
import { findProjectRoot } from './source/project-root.js'
import { readSecrets } from './source/secrets.js'
import { userCache } from './plugin/user-cache.js'

export interface OpenOptions {
  /** Against the current folder. */
  readonly file: string
  readonly builtIn: readonly LoadedPlugin[]
  readonly set?: readonly string[] | Readonly<Record<string, string>>
  readonly paramsFile?: string
  /** `process.env` unless told. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Else what `HONE_BACKEND` says. */
  readonly backend?: string
}

/** `hone run` of a stage with the file and the parameters that were given, as it is typed. */
export function runCommand({ file, set = [], paramsFile }: Pick<OpenOptions, 'file' | 'set' | 'paramsFile'>, stage: string): string {
  const given = Array.isArray(set) ? (set as readonly string[]) : Object.entries(set).map(([name, value]) => `${name}=${value}`)
  const words = [file, stage, ...given.flatMap(one => ['--set', one]), ...(paramsFile === undefined ? [] : ['--params', paramsFile])]
  return `hone run ${words.map(shellWord).join(' ')}`
}

/** The store of a project: `HONE_HOME`, else `.hone` at its root. */
export const storeRoot = (projectRoot: string, env: Readonly<Record<string, string | undefined>> = process.env): string =>
  env['HONE_HOME'] ? resolve(env['HONE_HOME']) : join(projectRoot, '.hone')

export function servicesOf(providers: readonly Provided[]): () => Promise<Services> {
  let services: Promise<Services> | undefined
  return () => (services ??= import('./compose.js').then(({ compose }) => compose({ providers })))
}

function unknownExecutors({ pipeline }: Graph, { providers }: Registry): readonly Diagnostic[] {
  const problems = new Collector()
  for (const { id, executor } of pipeline.stages) {
    if (executor === undefined || executor === 'local' || providers.some(({ provider }) => provider.token.id === executorNamed(executor).id)) continue
    problems.error('unknown-executor', pipeline.rangeOf(['stages', id, 'executor']), `No plugin provides the executor "${executor}".`, { hint: 'Leave it out, or write local, to run on this machine.' })
  }
  return problems.diagnostics
}

/** What is a mistake whatever a plugin that did not load would have brought. */
const plainMistakes = new Set<string>(['unknown-key', 'unknown-stage', 'unknown-port', 'bad-reference', 'missing-input', 'cycle', 'bad-matrix'])

/** Where the file itself has mistakes, or a plugin did not load, those of its stages are looked for all the same, as far as they could be read. */
async function furtherMistakes(mistakes: readonly Diagnostic[], pipeline: Pipeline, registry: LoadedRegistry): Promise<readonly Diagnostic[]> {
  const collector = new Collector()
  collector.addAll(mistakes)
  collector.addFollowing(registry.diagnostics)
  const further = furtherInGraph(pipeline, registry.partial, mistakes)
  collector.addFollowing(registry.ok ? further.diagnostics : further.diagnostics.filter(({ code }) => plainMistakes.has(code)))
  collector.addFollowing(await lookAtNamed(further.named, pipeline, registry.partial))
  return collector.diagnostics
}

/** Pipelines that name one another share their stores, by folder. */
interface Company {
  readonly others: OtherPipelines
  readonly stores: Map<string, ArtifactStore>
}

/** Each other pipeline has its own plugins and its own defaults of parameters; what another engine computed is a current result too. */
function keepCompany(options: Pick<OpenOptions, 'builtIn' | 'env'>): Company {
  const { HONE_BACKEND: _, ...env } = options.env ?? process.env
  const company: Company = { stores: new Map(), others: new OtherPipelines((file, chain) => openAmong({ file, builtIn: options.builtIn, env }, chain, company)) }
  return company
}

/** Reads a pipeline up to its graph and opens the store. All mistakes of one step are answered together. */
export const openPipeline = (options: OpenOptions): Promise<Result<OpenedPipeline>> => openAmong(options, [resolve(options.file)], keepCompany(options))

/** Follows `FILE:STAGE.PORT` where no pipeline says it; FILE is against `folder`. */
export const followFrom = (folder: string, options: Pick<OpenOptions, 'builtIn' | 'env'>): References['ofPipeline'] => keepCompany(options).others.follow(folder, [])

/** `chain`: the files that led here, this one the last. */
async function openAmong(options: OpenOptions, chain: readonly string[], { others, stores }: Company): Promise<Result<OpenedPipeline>> {
  const env = options.env ?? process.env
  const file = resolve(options.file)
  const text = await readText(file, 'pipeline')
  if (!text.ok) return text
  const params = options.paramsFile === undefined ? undefined : await readText(resolve(options.paramsFile), 'file of parameters')
  if (params && !params.ok) return params
  const projectRoot = findProjectRoot(file)
  const paramsFile = params && { file: resolve(options.paramsFile!), text: params.value }
  const root = storeRoot(projectRoot, env)
  const noPlace = placeProblem(realIo, root)
  const pipeline = parsePipeline({ file, text: text.value, projectRoot, env, set: options.set, paramsFile, ...(!noPlace && { memory: layout(root).reading(relative(projectRoot, file)) }) })
  if (noPlace) return { ok: false, diagnostics: [...pipeline.diagnostics, ...refusal('store', noPlace.message, noPlace.hint).diagnostics] }
  const read = pipeline.ok ? pipeline.value : pipeline.partial
  if (!read) return { ok: false, diagnostics: pipeline.diagnostics }
  const registry = await loadRegistry({ builtIn: options.builtIn, plugins: read.plugins, projectRoot, cacheDir: layout(root).plugins })
  if (!pipeline.ok || !registry.ok) return { ok: false, diagnostics: await furtherMistakes(pipeline.diagnostics, read, registry) }
  const diagnostics = [...pipeline.diagnostics, ...registry.diagnostics]
  const graph = resolveGraph(pipeline.value, registry.value)
  diagnostics.push(...graph.diagnostics)
  const beside = async (mistakes: readonly Diagnostic[], named: Iterable<NamedForPort>) => {
    const all = new Collector()
    all.addAll([...diagnostics, ...mistakes])
    all.addFollowing(await lookAtNamed(named, pipeline.value, registry.value))
    return { ok: false, diagnostics: all.diagnostics } as const
  }
  if (!graph.ok) return beside([], graph.named ?? [])
  const executors = unknownExecutors(graph.value, registry.value)
  if (executors.length > 0) return beside(executors, namedBy(graph.value.nodes.values()))
  const services = servicesOf(registry.value.providers)
  const replaced = registry.value.providers.findLast(({ provider }) => provider.token.id === own.store.id)
  let store: ArtifactStore
  try {
    store = stores.get(`${root}\0${projectRoot}`) ?? (await (replaced ? (await services()).get(own.store) : openStore)({ root, projectRoot }))
    stores.set(`${root}\0${projectRoot}`, store)
  } catch (e) {
    if (e instanceof StoreError) return refusal('store', e.message, e.hint)
    if (e instanceof DiagnosticError) return { ok: false, diagnostics: [e.diagnostic] }
    if (replaced) return refusal('plugin-fault', `the store of ${replaced.plugin} cannot be opened: ${(e as Error).message}`)
    throw e
  }
  const backend = options.backend ?? env['HONE_BACKEND']
  const secrets = readSecrets(projectRoot, env)
  return {
    ok: true,
    value: {
      graph: graph.value,
      registry: registry.value,
      services,
      store,
      secrets,
      commandFor: stage => runCommand(options, stage),
      references: {
        pinOf: reference => readLock(projectRoot).get(reference),
        outside: { cacheDir: userCache(env), env, secretOf: name => secrets.get(name) },
        ofPipeline: others.follow(projectRoot, chain),
      },
      ...(backend && { backend }),
    },
    diagnostics,
  }
}

export interface Prepared {
  readonly opened: OpenedPipeline
  readonly plan: Plan
  readonly planOptions: PlanOptions
}

/** Opens a pipeline and plans what is selected of it. Asks no network. */
export async function preparePlan(options: OpenOptions & Selected): Promise<Result<Prepared>> {
  const opened = await openPipeline(options)
  return opened.ok ? handedOn(opened.value, () => prepareOpened(opened, options)) : opened
}

/** Closes the store where nothing comes of a plan: what was hashed for it, which may be gigabytes, is remembered all the same. */
export async function handedOn(opened: OpenedPipeline, prepare: () => Promise<Result<Prepared>>): Promise<Result<Prepared>> {
  let isOurs = true
  try {
    const prepared = await prepare()
    isOurs = !prepared.ok
    return prepared
  } finally {
    if (isOurs) await opened.store.close()
  }
}

async function prepareOpened(opened: Result<OpenedPipeline> & { ok: true }, options: Selected, outside?: OutsideData): Promise<Result<Prepared>> {
  const selected = selectionOf(opened.value, options, outside)
  const diagnostics = [...opened.diagnostics, ...selected.diagnostics]
  if (!selected.ok) return { ok: false, diagnostics }
  try {
    const made = await plan(opened.value.graph, selected.value)
    diagnostics.push(...made.diagnostics)
    return made.ok ? { ok: true, value: { opened: opened.value, plan: made.value, planOptions: selected.value }, diagnostics } : { ok: false, diagnostics }
  } catch (e) {
    // A value that a hit gave does not fit where it is read.
    if (e instanceof DiagnosticError) return { ok: false, diagnostics: [...diagnostics, e.diagnostic] }
    if (e instanceof StoreError) return refusal('store', e.message, e.hint)
    throw e
  }
}

/** The same, for a run: what is named and not on this machine is fetched, once nothing else is wrong, and every secret that may be needed must be there. */
export async function prepareRun(options: OpenOptions & Selected & FetchOptions): Promise<Result<Prepared>> {
  const opened = await openPipeline(options)
  return opened.ok ? handedOn(opened.value, () => prepareToRun(opened, options)) : opened
}

async function prepareToRun(opened: Result<OpenedPipeline> & { ok: true }, options: Selected & FetchOptions): Promise<Result<Prepared>> {
  const { store: { root }, secrets: values } = opened.value
  const { text: redact } = redactor(values.values())
  const outside = new OutsideData(root, { signal: options.cancel ?? new AbortController().signal, redact, nowMs: Date.now })
  const first = await prepareOpened(opened, options, outside)
  const prepared = first.ok ? first : await prepareFetching(opened, first.diagnostics, options, outside)
  if (!prepared.ok) return prepared
  const { plan: { nodes }, opened: { store, secrets } } = prepared.value
  const missing = missingSecrets(prepared.value.plan, secrets, 'error')
  if (missing.length > 0) return { ok: false, diagnostics: [...prepared.diagnostics, ...missing] }
  try {
    // A store that cannot be written can still be read: a run of hits alone needs no more.
    if ([...nodes.values()].some(({ action }) => action === 'run' || action === 'undetermined')) tryWriting(realIo, store.root)
  } catch (e) {
    if (e instanceof StoreError) return { ok: false, diagnostics: [...prepared.diagnostics, ...refusal('store', e.message, e.hint).diagnostics] }
    throw e
  }
  return prepared
}

export interface FetchOptions {
  /** Aborted, fetching stops; what came so far is kept. */
  readonly cancel?: AbortSignal
  readonly onFetch?: Fetching['onFetch']
}

async function prepareFetching(opened: Result<OpenedPipeline> & { ok: true }, said: readonly Diagnostic[], options: Selected & FetchOptions, outside: OutsideData): Promise<Result<Prepared>> {
  const { graph, references } = opened.value
  const missing = said.filter(d => d.code === 'not-fetched')
  const others = said.filter(d => d.code !== 'not-fetched')
  if (missing.length === 0 || others.some(d => d.severity === 'error')) return { ok: false, diagnostics: others }
  const { projectRoot } = graph.pipeline
  const failed = await fetchNamed(graph.nodes.values(), missing, { projectRoot, outside: references.outside, signal: options.cancel, onFetch: options.onFetch })
  return failed.length > 0 ? { ok: false, diagnostics: [...others, ...failed] } : prepareOpened(opened, options, outside)
}
