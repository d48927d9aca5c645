import type { ArtifactHandle, InputPorts, Memo, OutputHandle, OutputPorts, StageContext } from '../plugin/define.js'
import type { RequestInput } from '../plan/types.js'
import type { StageEvent, StageRequest } from './request.js'
import { EarlyReturn, readRows, RowWriter, type Reading } from './rows.js'
import { StageFailure } from './stage-failure.js'

const progressEveryMs = 100

export interface ContextParts {
  readonly request: StageRequest
  readonly inputPorts: InputPorts
  readonly outputPorts: OutputPorts
  readonly services: Readonly<Record<string, unknown>>
  readonly memo: Memo
  readonly signal: AbortSignal
  readonly emit: (event: StageEvent) => void
}

export interface OpenContext {
  readonly context: StageContext
  readonly metrics: Readonly<Record<string, number>>
  /** The writers of row kinds, by port. */
  readonly writers: ReadonlyMap<string, RowWriter>
  /** The outputs that the stage asked for and has not declared. */
  readonly missed: ReadonlySet<string>
  /** Loops over inputs that go on: none once the stage's function has returned, or it did not wait for them. */
  readonly reading: Reading
  /** What the first row or metric after the end was told. */
  late(): EarlyReturn | undefined
  /** Sends what was held back and closes the writers. */
  finish(): Promise<void>
}

/** What a stage's function gets, over the files of a request. */
export function openContext({ request, inputPorts, outputPorts, services, memo, signal, emit }: ContextParts): OpenContext {
  // By names that the stage chooses: `__proto__` is one like any other.
  const metrics = Object.create(null) as Record<string, number>
  const writers = new Map<string, RowWriter>()
  const progress = new Throttled(emit)
  const reading: Reading = new Set()
  let isFinished = false
  let lateMetric: EarlyReturn | undefined

  const inputs: Record<string, unknown> = {}
  for (const [port, members] of Object.entries(request.inputs)) {
    const handles = members.map(member => inputHandle(port, member, inputPorts, signal, reading))
    if (request.manyInputs.includes(port)) inputs[port] = handles
    else if (handles.length > 0) inputs[port] = handles[0]
  }
  const missed = new Set<string>()
  const outputs: Record<string, OutputHandle> = {}
  for (const [port, { path }] of Object.entries(request.outputs)) {
    const kind = outputPorts[port]?.kind
    if (!kind) throw new Error(`Internal: ${request.uses} has no output "${port}"`)
    if (kind.rows) {
      const writer = new RowWriter(path, port, kind)
      writers.set(port, writer)
      outputs[port] = { path, write: row => writer.write(row) }
    } else outputs[port] = { path, write: () => Promise.reject(new TypeError(`the output "${port}" is of the kind ${kind.id}, which has no rows: write to its path`)) }
  }

  const warned = new Set<string>()
  const context: StageContext = {
    params: request.params,
    inputs,
    outputs: new Proxy(outputs, {
      get(declared, port) {
        if (typeof port === 'string' && !(port in declared)) missed.add(port)
        return Reflect.get(declared, port) as OutputHandle
      },
    }),
    services,
    seed: request.seed,
    threads: request.threads,
    env: request.env,
    projectRoot: request.projectRoot,
    signal,
    ...(request.backend !== undefined && { backend: request.backend }),
    scratch: request.scratch,
    memo,
    prior: request.prior ?? [],
    ...(request.keep !== undefined && { keep: request.keep }),
    progress: (done, total, unit, phase) => progress.send({ type: 'progress', done, unit, ...(total !== undefined && { total }), ...(phase !== undefined && { phase }) }),
    metric(name, value, step) {
      if (isFinished) {
        // Not thrown: in a timer it would end the process before it is told.
        lateMetric ??= new EarlyReturn(`the metric ${name} was given after the stage's function had returned: await what gives it`)
        return
      }
      if (!Number.isFinite(value)) {
        // JSON has no NaN; a curve with a hole says as much.
        if (!warned.has(name)) emit({ type: 'log', level: 'warn', message: `the metric ${name} is ${value}${step === undefined ? '' : ` at step ${step}`} and is left out` })
        warned.add(name)
        return
      }
      if (step === undefined) metrics[name] = value
      emit({ type: 'metric', name, value, ...(step !== undefined && { step }) })
    },
    sample: sample => emit({ type: 'sample', step: sample.step, prompt: sample.prompt, reference: sample.reference, prediction: sample.prediction }),
    log: message => emit({ type: 'log', level: 'info', message: String(message) }),
    warn: message => emit({ type: 'log', level: 'warn', message: String(message) }),
    fail: (message, param, hint) => {
      throw new StageFailure(message, param, hint)
    },
  }
  return {
    context,
    metrics,
    writers,
    missed,
    reading,
    late: () => lateMetric ?? [...writers.values()].find(writer => writer.late)?.late,
    async finish() {
      isFinished = true
      progress.flush()
      for (const writer of writers.values()) await writer.close()
    },
  }
}

function inputHandle(port: string, member: RequestInput, ports: InputPorts, signal: AbortSignal, reading: Reading): ArtifactHandle {
  const kind = ports[port]?.kind
  const name = member.reference ?? `the input "${port}"${member.label ? ` (${member.label})` : ''}, ${member.path}`
  return {
    kind: member.kind,
    path: member.path,
    digest: member.digest,
    label: member.label,
    ...(member.reference !== undefined && { reference: member.reference }),
    ...(member.logicalName !== undefined && { logicalName: member.logicalName }),
    [Symbol.asyncIterator]() {
      if (!kind?.rows) throw new TypeError(`${name} is of the kind ${kind?.id ?? member.kind}, which has no rows: read its path`)
      return readRows(member.path, name, kind, signal, reading, port)
    },
  }
}

/** Lets one progress event through every 100 ms, and the last one always. */
class Throttled {
  readonly #emit: (event: StageEvent) => void
  #held: StageEvent | undefined
  #sentAt = -Infinity
  #phase: string | undefined

  constructor(emit: (event: StageEvent) => void) {
    this.#emit = emit
  }

  send(event: StageEvent & { type: 'progress' }): void {
    if (event.phase !== this.#phase) this.flush()
    const now = performance.now()
    if (event.phase === this.#phase && now - this.#sentAt < progressEveryMs) {
      this.#held = event
      return
    }
    this.#phase = event.phase
    this.#sentAt = now
    this.#held = undefined
    this.#emit(event)
  }

  flush(): void {
    if (this.#held) this.#emit(this.#held)
    this.#held = undefined
  }
}
