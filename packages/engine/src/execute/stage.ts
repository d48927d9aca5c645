import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { membersNamed } from '../graph/members.js'
import { isCollection, type InputPorts, type OutputPorts, type PluginDefinition, type RunFunction, type StageDefinition } from '../plugin/define.js'
import { defaultOf, pluginAt } from '../plugin/exported.js'
import { asStoreError, codeOf, StoreError } from '../artifacts/store-error.js'
import { openContext, type OpenContext } from './context.js'
import { openStageMemo } from './stage-memo.js'
import type { StageEvent, StageRequest, StageResult } from './request.js'
import { EarlyReturn, readRows, type RowWriter } from './rows.js'
import { StageFailure } from './stage-failure.js'
import { Begun } from './still-going.js'

/**
 * Runs one stage: the single entry point of a local child, a worker thread and a job elsewhere. Everything it needs is in the request; what it
 * says while it runs goes to `emit`; what it leaves is at the paths of the request's outputs. Never throws.
 */
export async function runStage(request: StageRequest, emit: (event: StageEvent) => void, signal: AbortSignal): Promise<StageResult> {
  try {
    const stage = await stageOf(request)
    return await runDefinition(stage, () => pluginsOf(request), request, emit, signal)
  } catch (error) {
    return { ok: false, failure: failureOf(error) }
  }
}

interface NamedPlugin {
  readonly name: string
  readonly definition: PluginDefinition | undefined
}

/** The same for a stage that is here already. `plugins` are asked for only where it wants services. */
export async function runDefinition(
  stage: StageDefinition,
  plugins: () => Promise<readonly NamedPlugin[]>,
  request: StageRequest,
  emit: (event: StageEvent) => void,
  signal: AbortSignal,
): Promise<StageResult> {
  try {
    const given = Object.keys(request.inputs)
    const shapes = Object.fromEntries(given.map(port => [port, request.manyInputs.includes(port) ? 'many' : 'one'] as const))
    const inputPorts: InputPorts = typeof stage.inputs === 'function' ? stage.inputs(request.params, given, shapes) : stage.inputs
    const outputPorts: OutputPorts = typeof stage.outputs === 'function' ? stage.outputs(request.params) : stage.outputs
    const services = await servicesOf(stage, plugins, request)
    const memo = openStageMemo(request, signal)
    try {
      const open = openContext({ request, inputPorts, outputPorts, services, memo, signal, emit })
      const run = defaultOf<RunFunction>(await stage.run())
      if (typeof run !== 'function') throw new StageFailure(`the module of ${request.uses} has no function as its default export`, undefined, 'Write `export default async function run({ params, inputs, outputs }) { … }` in the file that `run` imports.')
      const begun = await Begun.start()
      try {
        await run(open.context)
      } catch (error) {
        // Such an output is undefined, and the TypeError that follows names only `write`.
        if (error instanceof TypeError && open.missed.size > 0) throw undeclared(request, outputPorts, open.missed, error)
        throw error
      }
      const [loop] = open.reading
      if (loop) throw new EarlyReturn(`returned while it was still reading the input "${loop.port}": await the loop that reads it, or leave it by break or return`)
      await open.finish()
      await refuseWhatGoesOn(begun, request, open, emit, signal)
      await checkRows(request, outputPorts, open.writers, signal)
      return { ok: true, metrics: { ...open.metrics } }
    } finally {
      memo.close()
    }
  } catch (error) {
    return { ok: false, failure: failureOf(error) }
  }
}

/** How a warning begins of a stage that left something running. */
export const goesOn = 'its function has returned, and what it began goes on'

/** What a stage writes after its function has returned would be missing, or not, as it comes: then nothing of it is kept. */
async function refuseWhatGoesOn(begun: Begun, { outputs }: StageRequest, { writers, late }: OpenContext, emit: (event: StageEvent) => void, signal: AbortSignal): Promise<void> {
  // Of rows that go through a writer, the writer knows.
  const byPath = Object.entries(outputs).filter(([port]) => !writers.get(port)?.rows)
  const { written, goingOn } = await begun.ended(byPath.map(([, { path }]) => path), () => late() !== undefined || signal.aborted)
  const early = late()
  if (early) throw early
  const [port] = byPath.find(([, { path }]) => written.includes(path)) ?? []
  if (port !== undefined) throw new EarlyReturn(`the output "${port}" was still being written after the stage's function had returned: await what writes it`)
  if (goingOn.length > 0 && !signal.aborted) emit({ type: 'log', level: 'warn', message: `${goesOn} (${goingOn.join(', ')}): await it, or close it` })
}

/** A thrown value in the form of a failure: what `fail()` threw is final, anything else may be tried again. */
export function failureOf(error: unknown): (StageResult & { ok: false })['failure'] {
  if (error instanceof StageFailure) {
    return { reason: 'failed', message: error.message, final: true, ...(error.hint !== undefined && { hint: error.hint }), ...(error.param !== undefined && { param: error.param }) }
  }
  const disk = diskFailure(error)
  if (disk) return { ...disk, ...(error instanceof Error && error.stack && { stack: withCauses(error) }) }
  if (error instanceof OutputProblem) return { reason: 'outputs', message: error.message, final: true }
  if (error instanceof EarlyReturn) return { reason: 'returned-early', message: error.message, final: true }
  if (error instanceof Error) return { reason: 'threw', message: oneLine(error), final: false, ...(error.stack && { stack: withCauses(error) }) }
  return { reason: 'threw', message: `threw ${typeof error === 'object' ? JSON.stringify(error) : String(error)}`, final: false }
}

const diskCodes = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES'])

/** A disk that is full or may not be written to is told as the store tells it, whichever stage meets it, also as the cause of another error. */
function diskFailure(error: unknown): { reason: 'store'; message: string; hint: string; final: true } | undefined {
  for (let [cause, depth] = [error, 0]; cause instanceof Error && depth < 4; [cause, depth] = [cause.cause, depth + 1]) {
    const { syscall = '' } = cause as NodeJS.ErrnoException
    // A socket and a program may be forbidden too.
    if (!diskCodes.has(codeOf(cause) ?? '') || /^(spawn|bind|listen|connect|kill)/.test(syscall)) continue
    const known = asStoreError(cause, `go on (${syscall || 'write'})`)
    if (known instanceof StoreError) return { reason: 'store', message: known.message, hint: known.hint, final: true }
  }
  return undefined
}

const oneLine = (error: Error) => (error.name === 'Error' || error.message.startsWith(error.name) ? error.message : `${error.name}: ${error.message}`) || error.name

function withCauses(error: Error): string {
  let text = error.stack ?? ''
  let cause = error.cause
  for (let depth = 0; cause !== undefined && depth < 4; depth++) {
    text += `\ncaused by ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return text
}

class OutputProblem extends Error {}

function undeclared({ uses }: StageRequest, ports: OutputPorts, missed: ReadonlySet<string>, cause: Error): Error {
  const names = [...missed].map(port => `"${port}"`).join(', ')
  return new OutputProblem(`${uses} asked for the output ${names}, which it does not declare; it has ${Object.keys(ports).join(', ')} (${cause.message})`, { cause })
}

async function stageOf(request: StageRequest): Promise<StageDefinition> {
  const plugin = await pluginAt(request.plugin.module)
  const stage = plugin?.stages?.find(s => s.id === request.uses)
  if (!stage) throw new Error(`Internal: ${request.plugin.module} has no stage ${request.uses}`)
  return stage
}

const pluginsOf = (request: StageRequest): Promise<NamedPlugin[]> =>
  Promise.all([request.plugin, ...request.providers].map(async ({ name, module }) => ({ name, definition: await pluginAt(module) })))

async function servicesOf(stage: StageDefinition, plugins: () => Promise<readonly NamedPlugin[]>, request: StageRequest): Promise<Record<string, unknown>> {
  const wanted = Object.entries(stage.services ?? {})
  if (wanted.length === 0) return {}
  const { compose } = await import('../compose.js')
  const container = await compose({ providers: (await plugins()).flatMap(({ name, definition }) => (definition?.provides ?? []).map(provider => ({ plugin: name, provider }))) })
  const services: Record<string, unknown> = {}
  const named = membersNamed(stage, request.params)
  for (const [service, token] of wanted) {
    if (!isCollection(token)) {
      services[service] = container.get(token)
      continue
    }
    const members = new Map<string, unknown>()
    for (const { name } of named.filter(n => n.service === service)) members.set(name, defaultOf(await container.member(token, name).load()))
    services[service] = members
  }
  return services
}

/** A row kind that the stage wrote by its path instead of `write` is held to the same rules. */
async function checkRows(request: StageRequest, ports: OutputPorts, writers: ReadonlyMap<string, RowWriter>, signal: AbortSignal): Promise<void> {
  for (const [port, writer] of writers) {
    const path = request.outputs[port]!.path
    if (writer.rows > 0 || !existsSync(path)) continue
    if (!(await stat(path)).isFile()) throw new OutputProblem(`the output "${port}" must be a file of rows and is a folder`)
    try {
      for await (const _ of readRows(path, `the output "${port}"`, ports[port]!.kind, signal));
    } catch (error) {
      throw error instanceof StageFailure ? new OutputProblem(error.message) : error
    }
  }
}
