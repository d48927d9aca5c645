import type { Digest, Json } from '../artifacts/types.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Event, Failure, PlannedStage, StageStatus } from './event.js'

export interface ProgressState {
  readonly done: number
  readonly total?: number
  readonly unit: string
  readonly phase?: string
  /** When what the rate is taken of began, and how much was done then: the phase, or of a long one its last half to whole minute. Milliseconds since 1970. */
  readonly since: number
  readonly sinceDone: number
  /** Where that begins next. */
  readonly next: { readonly at: number; readonly done: number }
  readonly at: number
}

export interface StageState {
  readonly stage: string
  readonly uses: string
  readonly plan: PlannedStage
  status: 'pending' | 'waiting' | 'running' | 'retrying' | StageStatus
  because: readonly string[]
  key: Digest | null
  attempt: number
  startedAt?: string
  durationMs?: number
  /** What it waits for: another run that holds its key. */
  waitsFor?: string
  progress?: ProgressState
  metrics: Record<string, number>
  curves: Record<string, { step: number; value: number }[]>
  samples: { step: number; prompt: string; reference: string; prediction: string }[]
  /** The last lines that it logged or printed. */
  lines: string[]
  warnings: string[]
  outputs: Readonly<Record<string, { readonly digest: Digest; readonly path: string; readonly kind: string; readonly bytes: number }>>
  published: { port: string; path: string }[]
  nondeterministic: { port: string; before: Digest; after: Digest }[]
  failures: Failure[]
}

/** All that can be drawn of a run, at any time of it. */
export interface RunState {
  run: string
  pipeline: string
  file: string
  args: readonly string[]
  params: Json
  startedAt?: string
  durationMs?: number
  /** `running` also where the process was killed and no last event was written. */
  status: 'running' | 'succeeded' | 'failed' | 'interrupted'
  /** In the order of the plan. */
  readonly stages: Map<string, StageState>
  diagnostics: Diagnostic[]
}

const keptLines = 200

export const emptyState = (): RunState => ({ run: '', pipeline: '', file: '', args: [], params: null, status: 'running', stages: new Map(), diagnostics: [] })

const freshStage = (plan: PlannedStage): StageState => ({
  stage: plan.stage,
  uses: plan.uses,
  plan,
  status: 'pending',
  because: plan.reasons,
  key: null,
  attempt: 0,
  // Names that a stage chose: `constructor` is one like any other.
  metrics: Object.create(null) as StageState['metrics'],
  curves: Object.create(null) as StageState['curves'],
  samples: [],
  lines: [],
  warnings: [],
  outputs: {},
  published: [],
  nondeterministic: [],
  failures: [],
})

/** Brings `state` up to date with one more event, in place: a display calls it as events come. */
export function advance(state: RunState, event: Event): RunState {
  if (event.type === 'run-started') {
    state.run = event.run
    state.pipeline = event.pipeline
    state.file = event.file
    state.args = event.args
    state.params = event.params
    state.startedAt = event.at
    for (const plan of event.stages) state.stages.set(plan.stage, freshStage(plan))
  } else if (event.type === 'run-finished') {
    state.status = event.status
    state.durationMs = event.durationMs
  } else if (event.type === 'diagnostic') state.diagnostics.push(event.diagnostic)
  else advanceStage(stageOf(state, event), event)
  return state
}

type StageEvent = Exclude<Event, { type: 'run-started' | 'run-finished' | 'diagnostic' }>

function stageOf(state: RunState, event: StageEvent): StageState {
  let stage = state.stages.get(event.stage)
  if (!stage) {
    stage = freshStage({ stage: event.stage, uses: 'uses' in event ? event.uses : '', action: 'run', reasons: [], needs: [] })
    state.stages.set(event.stage, stage)
  }
  return stage
}

function advanceStage(stage: StageState, event: StageEvent): void {
  switch (event.type) {
    case 'stage-waiting':
      stage.status = 'waiting'
      stage.waitsFor = event.for
      return
    case 'stage-started':
      stage.status = 'running'
      stage.because = event.because
      stage.key = event.key
      stage.attempt = event.attempt
      stage.startedAt ??= event.at
      delete stage.waitsFor
      return
    case 'stage-retry':
      stage.status = 'retrying'
      stage.failures.push(event.failure)
      delete stage.progress
      return
    case 'stage-finished':
      stage.status = event.status
      stage.because = event.because
      stage.key = event.key
      stage.durationMs = event.durationMs
      stage.outputs = event.outputs
      Object.assign(stage.metrics, event.metrics)
      if (event.failure) stage.failures.push(event.failure)
      delete stage.progress
      delete stage.waitsFor
      return
    case 'progress': {
      const at = Date.parse(event.at)
      const before = stage.progress
      const goesOn = before && before.unit === event.unit && before.phase === event.phase && event.done >= before.done
      stage.progress = {
        done: event.done,
        unit: event.unit,
        ...(event.total !== undefined && { total: event.total }),
        ...(event.phase !== undefined && { phase: event.phase }),
        ...(goesOn ? window(before, at, event.done) : { since: at, sinceDone: event.done, next: { at, done: event.done } }),
        at,
      }
      return
    }
    case 'metric':
      if (event.step === undefined) stage.metrics[event.name] = event.value
      else (stage.curves[event.name] ??= []).push({ step: event.step, value: event.value })
      return
    case 'sample':
      stage.samples.push({ step: event.step, prompt: event.prompt, reference: event.reference, prediction: event.prediction })
      return
    case 'log':
      if (event.level !== 'info') stage.warnings.push(event.message)
      addLines(stage, event.message)
      return
    case 'output':
      addLines(stage, event.text.replace(/\n$/, ''))
      return
    case 'nondeterministic':
      stage.nondeterministic.push({ port: event.port, before: event.before, after: event.after })
      return
    case 'published':
      stage.published.push({ port: event.port, path: event.path })
      return
    default:
      throw new Error(`Internal: an event of unknown type ${JSON.stringify(event satisfies never)}`)
  }
}

const windowMs = 30_000

/** A rate of late, so that what grows slower is told within a minute. */
function window({ since, sinceDone, next }: ProgressState, at: number, done: number): Pick<ProgressState, 'since' | 'sinceDone' | 'next'> {
  return at - next.at < windowMs ? { since, sinceDone, next } : { since: next.at, sinceDone: next.done, next: { at, done } }
}

function addLines(stage: StageState, text: string): void {
  // A call takes only so many arguments.
  stage.lines.push(...text.split('\n').slice(-keptLines))
  if (stage.lines.length > keptLines) stage.lines.splice(0, stage.lines.length - keptLines)
}

/** What a run came to, or how far it is, from its events alone. */
export function fold(events: Iterable<Event>): RunState {
  const state = emptyState()
  for (const event of events) advance(state, event)
  return state
}

/** The same from a log that is read as it comes. */
export async function foldLog(events: AsyncIterable<Event>): Promise<RunState> {
  const state = emptyState()
  for await (const event of events) advance(state, event)
  return state
}
