import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { realIo } from '../artifacts/io.js'
import { digestOf } from '../artifacts/digest.js'
import { keepState, keptStates } from '../artifacts/kept-states.js'
import type { JsonObject } from '../artifacts/types.js'
import type { GraphNode } from '../graph/graph.js'
import type { Fingerprint } from '../plan/types.js'
import type { StageRequest } from './request.js'
import type { RunContext } from './run-context.js'

/** What a stage with `extends` gets: earlier results of its family, and a folder for the state of this one. */
export interface Continuation {
  readonly family: string
  /** The values of the parameters that it extends. */
  readonly params: JsonObject
  readonly request: Pick<StageRequest, 'prior' | 'keep'>
}

/**
 * Looks for results whose keys differ from this one in nothing but the parameters that the stage extends, and that were made with as many
 * threads. A forced run is offered none: it is to give what an empty store would.
 */
export async function continuation(node: GraphNode, print: Fingerprint, attemptDir: string, threads: number, isForced: boolean, run: RunContext): Promise<Continuation | undefined> {
  const names = node.stage.definition.extends ?? []
  if (names.length === 0 || print.key === undefined) return undefined
  const written = print.components.find(c => c.name === 'params')?.value as JsonObject
  const pick = (wanted: boolean) => Object.fromEntries(Object.entries(written).filter(([name]) => names.includes(name) === wanted))
  const others = print.components.map(c => (c.name === 'params' ? { name: c.name, value: pick(false) } : c))
  const family = digestOf([...others, { name: 'threads', value: threads }])
  const prior: NonNullable<StageRequest['prior']>[number][] = []
  if (!isForced) {
    for (const { params, state } of keptStates(realIo, run.store.root, family)) {
      // One that was damaged is moved aside, as an input is.
      if (await run.store.verifyUnchanged(state).catch(() => false)) prior.push({ params, path: run.store.pathOf(state) })
    }
  }
  const keep = join(dirname(attemptDir), 'keep')
  await rm(keep, { recursive: true, force: true })
  await mkdir(keep)
  return { family, params: pick(true), request: { prior, keep } }
}

/** Stores what the stage left in `keep`, once its result is published. That it cannot be kept fails nothing. */
export async function keepContinuation({ family, params, request }: Continuation, print: Fingerprint, node: GraphNode, run: RunContext): Promise<void> {
  if (print.key === undefined) return
  try {
    if ((await readdir(request.keep!)).length === 0) return
    const state = await run.store.ingest(request.keep!, 'state', 'folder')
    keepState(realIo, run.store.root, family, { key: print.key, params, state, finishedAt: new Date(run.clock.nowMs()).toISOString() })
  } catch (error) {
    run.emit({ type: 'log', stage: node.id, level: 'warn', message: `no later run can go on from this result: ${(error as Error).message}` })
  }
}
