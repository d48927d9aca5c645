import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { FileStore, openStore } from './artifacts/store.js'
import { StoreError } from './artifacts/store-error.js'
import type { Provided, Services } from './compose.js'
import { Collector } from './diagnostics/collector.js'
import type { Diagnostic } from './diagnostics/diagnostic.js'
import { DiagnosticError } from './diagnostics/diagnostic-error.js'
import type { Result } from './diagnostics/result.js'
import { executorNamed } from './execute/services.js'
import type { Graph } from './graph/graph.js'
import { resolveGraph } from './graph/resolve.js'
import { plan, type PlanOptions } from './plan/plan.js'
import type { Plan } from './plan/types.js'
import { loadRegistry } from './plugin/load.js'
import type { LoadedPlugin, Registry } from './plugin/registry.js'
import { missingSecrets, selectionOf, type Selected } from './selection.js'
import type { Pipeline } from './source/pipeline.js'
import { parsePipeline, type ParseResult } from './source/parse.js'
import { findProjectRoot } from './source/project-root.js'
import { readSecrets } from './source/secrets.js'

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

/** A pipeline with its graph, the plugins it names and the store of its project. */
export interface OpenedPipeline {
  readonly graph: Graph
  readonly registry: Registry
  /** The container, made when it is first asked for: a run of hits alone does not need it, and it takes longer to load than the rest. */
  readonly services: () => Promise<Services>
  readonly store: FileStore
  /** By name. */
  readonly secrets: ReadonlyMap<string, string>
  readonly backend?: string
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

const error = (code: Diagnostic['code'], message: string, hint?: string): { ok: false; diagnostics: readonly Diagnostic[] } => ({
  ok: false,
  diagnostics: [{ code, severity: 'error', message, ...(hint && { hint }) }],
})

async function readText(file: string, what: string): Promise<Result<string>> {
  try {
    return { ok: true, value: await readFile(file, 'utf8'), diagnostics: [] }
  } catch (e) {
    const isAbsent = (e as NodeJS.ErrnoException).code === 'ENOENT'
    return error('no-file', isAbsent ? `there is no ${what} ${file}` : `the ${what} ${file} cannot be read: ${(e as Error).message}`)
  }
}

/** Where the file itself has mistakes, those of its stages are looked for all the same, as far as they could be read. */
async function furtherMistakes({ partial, diagnostics }: ParseResult, load: (plugins: Pipeline['plugins']) => Promise<Result<Registry>>): Promise<readonly Diagnostic[]> {
  const collector = new Collector()
  collector.addAll(diagnostics)
  if (!partial) return collector.diagnostics
  const registry = await load(partial.plugins)
  collector.addFollowing(registry.diagnostics)
  if (registry.ok) collector.addFollowing(resolveGraph(partial, registry.value).diagnostics)
  return collector.diagnostics
}

/** Reads a pipeline up to its graph and opens the store. All mistakes of one step are answered together. */
export async function openPipeline(options: OpenOptions): Promise<Result<OpenedPipeline>> {
  const env = options.env ?? process.env
  const file = resolve(options.file)
  const text = await readText(file, 'pipeline')
  if (!text.ok) return text
  const params = options.paramsFile === undefined ? undefined : await readText(resolve(options.paramsFile), 'file of parameters')
  if (params && !params.ok) return params
  const projectRoot = findProjectRoot(file)
  const paramsFile = params && { file: resolve(options.paramsFile!), text: params.value }
  const pipeline = parsePipeline({ file, text: text.value, projectRoot, env, set: options.set, paramsFile })
  const root = storeRoot(projectRoot, env)
  const cacheDir = join(root, 'plugins')
  if (!pipeline.ok) return { ok: false, diagnostics: await furtherMistakes(pipeline, plugins => loadRegistry({ builtIn: options.builtIn, plugins, projectRoot, cacheDir })) }
  const registry = await loadRegistry({ builtIn: options.builtIn, plugins: pipeline.value.plugins, projectRoot, cacheDir })
  const diagnostics = [...pipeline.diagnostics, ...registry.diagnostics]
  if (!registry.ok) return { ok: false, diagnostics }
  const graph = resolveGraph(pipeline.value, registry.value)
  diagnostics.push(...graph.diagnostics)
  if (!graph.ok) return { ok: false, diagnostics }
  const executors = unknownExecutors(graph.value, registry.value)
  if (executors.length > 0) return { ok: false, diagnostics: [...diagnostics, ...executors] }
  let store: FileStore
  try {
    store = await openStore({ root, projectRoot })
  } catch (e) {
    if (e instanceof StoreError) return error('store', e.message, e.hint)
    throw e
  }
  const backend = options.backend ?? env['HONE_BACKEND']
  return {
    ok: true,
    value: {
      graph: graph.value,
      registry: registry.value,
      services: servicesOf(registry.value.providers),
      store,
      secrets: readSecrets(projectRoot, env),
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

/** Opens a pipeline and plans what is selected of it. */
export async function preparePlan(options: OpenOptions & Selected): Promise<Result<Prepared>> {
  const opened = await openPipeline(options)
  if (!opened.ok) return opened
  const selected = selectionOf(opened.value, options)
  const diagnostics = [...opened.diagnostics, ...selected.diagnostics]
  if (!selected.ok) return { ok: false, diagnostics }
  try {
    const made = await plan(opened.value.graph, selected.value)
    diagnostics.push(...made.diagnostics)
    return made.ok ? { ok: true, value: { opened: opened.value, plan: made.value, planOptions: selected.value }, diagnostics } : { ok: false, diagnostics }
  } catch (e) {
    // A value that a hit gave does not fit where it is read.
    if (e instanceof DiagnosticError) return { ok: false, diagnostics: [...diagnostics, e.diagnostic] }
    if (e instanceof StoreError) return error('store', e.message, e.hint)
    throw e
  }
}

/** The same, for a run: also every secret that may be needed must be there. */
export async function prepareRun(options: OpenOptions & Selected): Promise<Result<Prepared>> {
  const prepared = await preparePlan(options)
  if (!prepared.ok) return prepared
  const missing = missingSecrets(prepared.value.plan, prepared.value.opened.secrets)
  return missing.length > 0 ? { ok: false, diagnostics: [...prepared.diagnostics, ...missing] } : prepared
}
