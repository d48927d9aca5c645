import type { ActionRecord, Digest, Json, JsonObject } from '../artifacts/types.js'
import type { RunState, StageState } from '../events/fold.js'
import { describe, explain, type Difference } from '../plan/explain.js'

/** A metric in two runs; undefined where one of them does not have it. */
export interface ComparedMetric {
  readonly before: number | undefined
  readonly after: number | undefined
  readonly difference: number | undefined
}

/**
 * A stage in two runs. `same`: under one key, or skipped in both. `changed`: by what `differences` say, which are undefined where a record is gone. `unkeyed`: it is not
 * cached or did not come to a key, so nothing tells what differs. `only`: one of the runs has it.
 */
export interface ComparedStage {
  readonly stage: string
  readonly uses: string
  readonly kind: 'same' | 'changed' | 'unkeyed' | 'only before' | 'only after'
  readonly status: { readonly before?: string; readonly after?: string }
  readonly differences?: readonly Difference[]
  /** The same for people. */
  readonly described?: readonly string[]
  readonly metrics: Readonly<Record<string, ComparedMetric>>
  readonly durationMs: { readonly before?: number; readonly after?: number }
}

export interface Comparison {
  /** Parameters of the pipeline whose values differ. */
  readonly params: Readonly<Record<string, { readonly before: Json | undefined; readonly after: Json | undefined }>>
  /** In the order of the second run, then those that only the first has. */
  readonly stages: readonly ComparedStage[]
}

/** What changed from one run to another, by the keys of their stages, and what it did to their metrics. */
export function compareRuns(before: RunState, after: RunState, recordOf: (key: Digest) => ActionRecord | undefined): Comparison {
  const names = new Set([...after.stages.keys(), ...before.stages.keys()])
  return {
    params: compareParams(before.params, after.params),
    stages: [...names].map(name => compareStage(name, before.stages.get(name), after.stages.get(name), recordOf)),
  }
}

function compareParams(before: Json, after: Json): Comparison['params'] {
  const isMap = (value: Json): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
  const [was, is] = [isMap(before) ? before : {}, isMap(after) ? after : {}]
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])]
  return Object.fromEntries(names.filter(name => JSON.stringify(own(was, name)) !== JSON.stringify(own(is, name))).map(name => [name, { before: own(was, name), after: own(is, name) }]))
}

/** By a name that may be `constructor`. */
const own = <T>(map: Readonly<Record<string, T>>, name: string): T | undefined => (Object.hasOwn(map, name) ? map[name] : undefined)

function compareStage(stage: string, before: StageState | undefined, after: StageState | undefined, recordOf: (key: Digest) => ActionRecord | undefined): ComparedStage {
  const { uses } = (after ?? before)!
  const common = {
    stage,
    uses,
    status: { ...(before && { before: before.status }), ...(after && { after: after.status }) },
    metrics: compareMetrics(before?.metrics ?? {}, after?.metrics ?? {}),
    durationMs: { ...(before?.durationMs !== undefined && { before: before.durationMs }), ...(after?.durationMs !== undefined && { after: after.durationMs }) },
  }
  if (!before || !after) return { ...common, kind: before ? 'only before' : 'only after' }
  if (before.status === 'skipped' && after.status === 'skipped') return { ...common, kind: 'same' }
  if (before.key === null || after.key === null) return { ...common, kind: 'unkeyed' }
  if (before.key === after.key) return { ...common, kind: 'same' }
  const [was, is] = [recordOf(before.key), recordOf(after.key)]
  if (!was || !is) return { ...common, kind: 'changed' }
  const differences = explain(was.components, is.components)
  return { ...common, kind: 'changed', differences, described: describe(differences, uses) }
}

function compareMetrics(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): Record<string, ComparedMetric> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return Object.fromEntries(
    names.map(name => {
      const [was, is] = [own(before, name), own(after, name)]
      return [name, { before: was, after: is, difference: was === undefined || is === undefined ? undefined : is - was }]
    }),
  )
}
