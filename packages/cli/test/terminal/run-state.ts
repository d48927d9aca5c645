// A run in the middle, made of the events that it would have told.
import { emptyState, advance, type Event, type RunState } from 'hone-engine'

export const beginMs = Date.parse('2026-01-01T00:00:00.000Z')
type Body = Event extends infer E ? (E extends Event ? Omit<E, 'at' | 'run'> : never) : never

/** `events`: seconds after the begin, and what happened then. */
export function stateAfter(stages: readonly (readonly [name: string, uses: string])[], events: readonly (readonly [seconds: number, event: Body])[], args: readonly string[] = []): RunState {
  const state = emptyState()
  const tell = (seconds: number, body: object) => advance(state, { at: new Date(beginMs + seconds * 1000).toISOString(), run: 'r1', ...body } as Event)
  tell(0, { type: 'run-started', pipeline: 'p', file: 'p.yaml', args, params: {}, stages: stages.map(([stage, uses]) => ({ stage, uses, action: 'run', reasons: [], needs: [] })) })
  for (const [seconds, body] of events) tell(seconds, body)
  return state
}

export const started = (stage: string): Body => ({ type: 'stage-started', stage, uses: 'x/y', attempt: 1, because: [], key: null })
export const progress = (stage: string, done: number, total: number | undefined, unit: string, phase?: string): Body => ({ type: 'progress', stage, done, unit, ...(total !== undefined && { total }), ...(phase && { phase }) })
export const finished = (stage: string, status: 'ran' | 'hit' | 'failed' | 'skipped' | 'cancelled', more: object = {}): Body =>
  ({ type: 'stage-finished', stage, uses: 'x/y', status, because: [], key: null, durationMs: 1500, outputs: {}, metrics: {}, ...more }) as Body
