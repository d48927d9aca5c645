// The whole story: YAML text → Pipeline → Graph → Plan → events. Start reading here; prepare.ts holds the steps up to the plan.
import type { Diagnostic } from './diagnostics/diagnostic.js'
import { DiagnosticError } from './diagnostics/diagnostic-error.js'
import type { Result } from './diagnostics/result.js'
import type { StageStatus } from './events/event.js'
import type { EventSink } from './events/log.js'
import { execute } from './execute/execute.js'
import { lazyExecutor, type Executor } from './execute/host.js'
import { thisMachine, type Machine } from './execute/scheduler.js'
import { executorNamed, services, systemClock, type Clock } from './execute/services.js'
import { plannedStages, startRun } from './execute/start-run.js'
import type { Plan } from './plan/types.js'
import { preparePlan, prepareRun, type FetchOptions, type OpenOptions, type Prepared } from './prepare.js'
import { withPublications } from './publications.js'
import { beyondMachine, missingSecrets, type Selected } from './selection.js'

export interface PlanPipelineOptions extends OpenOptions, Selected {
  readonly machine?: Machine
}

export interface RunOptions extends PlanPipelineOptions, FetchOptions {
  /** Told in the first event: how the run was asked for. */
  readonly args?: readonly string[]
  readonly jobs?: number
  readonly keepGoing?: boolean
  /** The first interrupt asks stages to stop and save, the second ends them at once. */
  readonly cancel?: AbortSignal
  readonly kill?: AbortSignal
  /** Shuffles the order of what is ready, for tests. */
  readonly shuffleSeed?: number
}

export type RunOutcome =
  | { readonly status: 'refused'; readonly diagnostics: readonly Diagnostic[] }
  | {
      readonly status: 'succeeded' | 'failed' | 'interrupted'
      readonly run: string
      readonly runDir: string
      readonly stages: Readonly<Record<string, StageStatus>>
      readonly diagnostics: readonly Diagnostic[]
    }

/** 0 done, 1 a stage failed, 2 the input is wrong and nothing was started, 130 interrupted. */
export const exitCode = ({ status }: RunOutcome): number => ({ succeeded: 0, failed: 1, refused: 2, interrupted: 130 })[status]

/** What would run, and why, with warnings of what a run would lack here; or every mistake that can be seen without running anything. */
export async function planPipeline(options: PlanPipelineOptions): Promise<Result<Plan>> {
  const prepared = await withPublications(await preparePlan(options))
  if (!prepared.ok) return prepared
  const { opened, plan } = prepared.value
  await opened.store.close()
  const lacking = [...missingSecrets(plan, opened.secrets, 'warning'), ...beyondMachine(plan, options.machine ?? thisMachine(), 'warning')]
  return { ok: true, value: plan, diagnostics: [...prepared.diagnostics, ...lacking] }
}

/** Every mistake of a pipeline that can be seen without running it, and its warnings. */
export const validatePipeline = async (options: OpenOptions): Promise<readonly Diagnostic[]> => (await planPipeline(options)).diagnostics

/** Plans a pipeline and carries it out. What happens is told to `sinks` and kept in the run's folder. */
export async function runPipeline(options: RunOptions, sinks: readonly EventSink[] = []): Promise<RunOutcome> {
  const prepared = await withPublications(await prepareRun(options))
  if (!prepared.ok) return { status: 'refused', diagnostics: prepared.diagnostics }
  const { opened, plan } = prepared.value
  try {
    const beyond = beyondMachine(plan, options.machine ?? thisMachine(), 'error')
    return beyond.length > 0 ? { status: 'refused', diagnostics: [...prepared.diagnostics, ...beyond] } : await runPrepared(prepared.value, prepared.diagnostics, options, sinks)
  } finally {
    await opened.store.close()
  }
}

async function runPrepared({ opened, plan, planOptions }: Prepared, diagnostics: readonly Diagnostic[], options: RunOptions, sinks: readonly EventSink[]): Promise<RunOutcome> {
  const { pipeline } = plan.graph
  const executors = new Map<string, Executor>()
  const executorOf = (name = 'local') => {
    const known = executors.get(name) ?? lazyExecutor(async () => (await opened.services()).get(executorNamed(name))({ projectRoot: pipeline.projectRoot }))
    executors.set(name, known)
    return known
  }
  const isOwnClock = opened.registry.providers.every(({ provider }) => provider.token.id !== services.clock.id)
  let clock: Clock
  try {
    clock = isOwnClock ? systemClock : (await opened.services()).get(services.clock)
  } catch (error) {
    if (error instanceof DiagnosticError) return { status: 'refused', diagnostics: [...diagnostics, error.diagnostic] }
    throw error
  }
  const { run, log } = startRun({ plan, planOptions, store: opened.store, executorOf, clock, secrets: opened.secrets.values(), sinks, ...options })
  const startedAtMs = clock.nowMs()
  try {
    run.emit({ type: 'run-started', pipeline: pipeline.name, file: run.pipelineId, args: options.args ?? [], stages: plannedStages(plan), params: pipeline.params })
    for (const diagnostic of diagnostics) run.emit({ type: 'diagnostic', diagnostic })
    const stages = Object.fromEntries(await execute(run))
    const ended = Object.values(stages)
    const status = ended.includes('cancelled') ? 'interrupted' : ended.includes('failed') ? 'failed' : 'succeeded'
    run.emit({ type: 'run-finished', status, stages, durationMs: Math.round(clock.nowMs() - startedAtMs) })
    return { status, run: run.runId, runDir: run.runDir, stages, diagnostics }
  } finally {
    for (const executor of executors.values()) await executor.close()
    log.close()
  }
}
