import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Digest, Json, JsonObject } from '../artifacts/types.js'
import { isAtOrBelow } from '../artifacts/walk.js'
import type { Failure } from '../events/event.js'
import { checkOutputs } from '../execute/outputs.js'
import type { StageEvent, StageResult } from '../execute/request.js'
import { goesOn, runDefinition } from '../execute/stage.js'
import { ParameterSchema } from '../graph/parameters.js'
import type { StageDefinition } from '../plugin/define.js'
import { digestsBelow, namesThatDiffer } from './contents.js'
import { inSealedEnvironment, watchProcess, type Remains } from './sealed-process.js'
import { layOut, type Place, type StageSetting } from './setting.js'
import { watchWrites } from './write-watch.js'

/** One run of a stage and all that could be seen of it. */
export interface Attempt {
  readonly place: Place
  /** `undefined` where it had not ended when its time was over. */
  readonly result: StageResult | undefined
  readonly events: readonly StageEvent[]
  readonly durationMs: number
  /** From when it was to be cancelled to its end. */
  readonly cancelledForMs: number
  /** What is wrong with what it left, as the engine says it. */
  readonly outputFault: Failure | undefined
  /** Port → path → digest. */
  readonly outputs: Readonly<Record<string, Readonly<Record<string, Digest>>>>
  readonly changedInputs: readonly string[]
  readonly writtenOutside: readonly string[]
  readonly writtenLate: readonly string[]
  /** What the engine says of what it began and did not end. */
  readonly goesOn: string | undefined
  readonly remains: Remains
  /** Parameters that it read and its schema does not list. */
  readonly unlisted: readonly string[]
  readonly changedParams: boolean
}

export interface AttemptOptions {
  readonly memoRoot?: string
  /** Cancels it after so long; 0 before it starts. */
  readonly cancelAfterMs?: number
  /** Goes on in the folder of an earlier attempt, with its scratch. */
  readonly goesOn?: Place
  /** An earlier result of a stage that can extend it. */
  readonly prior?: Place
  readonly timeoutMs: number
  /** How long it is watched for what it left running. */
  readonly lingerMs?: number
}

export async function attempt(stage: StageDefinition, setting: StageSetting, options: AttemptOptions): Promise<Attempt> {
  const fresh = await layOut(stage, setting, options.memoRoot)
  const place: Place = {
    ...fresh,
    request: {
      ...fresh.request,
      ...(options.goesOn && { scratch: options.goesOn.request.scratch }),
      ...(options.prior && { prior: [priorOf(stage, options.prior)] }),
    },
  }
  const { root, attempt: dir } = place
  const unlisted = new Set<string>()
  const request = { ...place.request, params: watched(structuredClone(place.request.params) as Record<string, Json>, stage, unlisted) }
  const before = { inputs: inputDigests(place), project: digestsBelow(request.projectRoot), params: JSON.stringify(request.params) }
  const events: StageEvent[] = []
  const abort = new AbortController()
  const plugins = (setting.plugins ?? []).map(definition => ({ name: definition.name, definition }))

  const run = () => runDefinition(stage, async () => plugins, request, e => events.push(e), abort.signal)
  const allowed = [dir, request.scratch, request.memoRoot, ...(request.keep === undefined ? [] : [request.keep])]

  return watchWrites(allowed, writes => watchProcess(async ended => {
    const startedAt = performance.now()
    const cancel = () => abort.abort(new Error('the run was interrupted'))
    if (options.cancelAfterMs === 0) cancel()
    const timer = options.cancelAfterMs ? setTimeout(cancel, options.cancelAfterMs) : undefined
    const result = await inSealedEnvironment(request.env, () => guarded(() => inTime(run(), options.timeoutMs)))
    const endedAt = performance.now()
    clearTimeout(timer)
    writes.ended = true
    const remains = await ended()
    const outputFault = result?.ok ? faultOf(place) : undefined
    const outputs = outputDigests(place)
    if (options.lingerMs) await sleep(options.lingerMs)
    const now = outputDigests(place)
    const late = Object.keys(outputs).flatMap(port => namesThatDiffer(outputs[port]!, now[port]!).map(name => join(place.request.outputs[port]!.path, name)))
    const inside = namesThatDiffer(before.project, digestsBelow(request.projectRoot)).map(name => join(request.projectRoot, name))
    return {
      place,
      result,
      events,
      durationMs: endedAt - startedAt,
      cancelledForMs: endedAt - startedAt - (options.cancelAfterMs ?? 0),
      outputFault,
      outputs,
      changedInputs: [...new Set([...namesThatDiffer(before.inputs, inputDigests(place)), ...inputsWritten(place, writes.outside)])],
      writtenOutside: [...new Set([...writes.outside, ...inside])].filter(path => !isInput(place, path)),
      writtenLate: [...new Set([...writes.late, ...late])].map(path => path.replace(`${root}/`, '')),
      goesOn: events.flatMap(e => (e.type === 'log' && e.level === 'warn' && e.message.startsWith(goesOn) ? [e.message] : []))[0],
      remains,
      unlisted: [...unlisted],
      changedParams: JSON.stringify(request.params) !== before.params,
    }
  }))
}

/** As the engine offers it: what was kept, with the parameters that the stage extends. */
const priorOf = ({ extends: names = [] }: StageDefinition, { request }: Place) => ({ params: Object.fromEntries(names.map(name => [name, request.params[name]!])), path: request.keep! })

export async function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([promise, new Promise<undefined>(done => (timer = setTimeout(() => done(undefined), timeoutMs)))])
  } finally {
    clearTimeout(timer)
  }
}

/** `process.exit` would end the tests; under the engine it is a failure of the stage. */
async function guarded<T>(run: () => Promise<T>): Promise<T> {
  const { exit } = process
  process.exit = (code => {
    throw new Error(`calls process.exit(${code ?? ''})`)
  }) as typeof process.exit
  try {
    return await run()
  } finally {
    process.exit = exit
  }
}

function faultOf({ attempt: dir, request, outputPorts }: Place): Failure | undefined {
  const checked = checkOutputs(dir, request.outputs, outputPorts)
  return 'reason' in checked ? checked : undefined
}

const outputDigests = ({ request }: Place) => Object.fromEntries(Object.entries(request.outputs).map(([port, { path }]) => [port, digestsBelow(path)]))

const inputDigests = ({ request }: Place): Readonly<Record<string, Digest>> =>
  Object.fromEntries(Object.entries(request.inputs).flatMap(([port, members]) =>
    members.flatMap(({ label, logicalName, path }) => Object.entries(digestsBelow(path)).map(([name, digest]) => [[port, label, logicalName, name].filter(Boolean).join('/'), digest]))))

/** Also where it was put back: who reads it meanwhile reads something else. */
const inputsWritten = ({ request }: Place, written: ReadonlySet<string>): string[] =>
  Object.entries(request.inputs).flatMap(([port, members]) =>
    members.filter(m => [...written].some(path => isAtOrBelow(path, m.path))).map(({ label, logicalName }) => [port, label, logicalName].filter(Boolean).join('/')))

const isInput = ({ request }: Place, path: string): boolean => Object.values(request.inputs).some(members => members.some(m => isAtOrBelow(path, m.path)))

/** The same parameters, over a prototype that notes what is asked for and is not there; they can still be copied and cloned. */
function watched(params: Record<string, Json>, stage: StageDefinition, unlisted: Set<string>): JsonObject {
  const { declared } = ParameterSchema.of(stage)
  const noting = new Proxy(Object.prototype, {
    get(target, name, receiver) {
      if (typeof name === 'string' && declared && !declared.has(name) && !(name in target) && name !== 'toJSON' && name !== 'then') unlisted.add(name)
      return Reflect.get(target, name, receiver) as unknown
    },
  })
  return Object.setPrototypeOf(params, noting) as JsonObject
}
