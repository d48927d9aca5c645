import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { ArtifactHandle, InputPorts, JsonSchema, OutputPorts, StageContext, StageDefinition } from 'hone-engine'

/** What `fail` of the test's context throws. */
export class StageFailed extends Error {
  readonly param: string | undefined
  readonly hint: string | undefined
  constructor(message: string, param?: string, hint?: string) {
    super(message)
    this.param = param
    this.hint = hint
  }
}

type InputValue = string | { path: string; digest?: string; reference?: string; label?: string; logicalName?: string } | readonly Record<string, unknown>[]

export interface Ran {
  /** Where each output was to be written. */
  readonly paths: Readonly<Record<string, string>>
  readonly metrics: Readonly<Record<string, number>>
  readonly curves: readonly { name: string; value: number; step: number }[]
  readonly samples: readonly { step: number; prompt: string; reference: string; prediction: string }[]
  readonly logs: readonly string[]
  readonly warnings: readonly string[]
  readonly scratch: string
  /** The rows of a JSONL output; none when it was not written. */
  rows<T = Record<string, any>>(port: string): Promise<T[]>
  text(port: string): Promise<string>
}

/**
 * Runs a stage's `run` alone, without the engine, in a temporary folder. An input is a path, a handle's fields, or rows that are
 * written to a JSONL first; a list of `[label, input]` feeds a port that takes many. Defaults of the parameters' schema are applied.
 */
export async function runStage(
  stage: StageDefinition<any>,
  options: {
    params?: Record<string, unknown>
    inputs?: Record<string, InputValue | readonly (readonly [label: string, input: InputValue])[]>
    seed?: number
    threads?: number
    env?: Record<string, string>
    signal?: AbortSignal
    scratch?: string
    projectRoot?: string
    backend?: string
    prior?: StageContext['prior']
  keep?: string
  memo?: StageContext['memo']
    /** What plugins provide of its collections, by name. */
    members?: Record<string, unknown>
  } = {},
): Promise<Ran> {
  const folder = await mkdtemp(join(tmpdir(), 'hone-stage-'))
  const params = withDefaults(stage.params.schema, options.params ?? {})
  const given = options.inputs ?? {}
  const inputPorts: InputPorts = typeof stage.inputs === 'function' ? stage.inputs(params, Object.keys(given), Object.fromEntries(Object.entries(given).map(([port, value]) => [port, isMembers(value) ? 'many' : 'one']))) : stage.inputs
  const outputPorts: OutputPorts = typeof stage.outputs === 'function' ? stage.outputs(params) : stage.outputs

  let made = 0
  const handle = async (value: InputValue, label: string): Promise<ArtifactHandle> => {
    if (typeof value === 'string') return artifact({ path: value, label })
    if (!Array.isArray(value)) return artifact({ label, ...(value as { path: string }) })
    const path = join(folder, `in-${made++}.jsonl`)
    await writeFile(path, (value as readonly unknown[]).map(row => JSON.stringify(row) + '\n').join(''))
    return artifact({ path, label, kind: 'rows' })
  }
  const inputs: Record<string, unknown> = {}
  for (const [port, value] of Object.entries(given)) {
    const members = isMembers(value) && inputPorts[port]?.many
    inputs[port] = members
      ? await Promise.all((value as (readonly [string, InputValue])[]).map(([label, input]) => handle(input, label)))
      : inputPorts[port]?.many
        ? [await handle(value as InputValue, '')]
        : await handle(value as InputValue, '')
  }

  const paths: Record<string, string> = {}
  const outputs: Record<string, { path: string; write(row: unknown): Promise<void> }> = {}
  const written: Record<string, string[]> = {}
  for (const [port, { kind }] of Object.entries(outputPorts)) {
    const path = (paths[port] = join(folder, `out-${port}${kind.extension ? `.${kind.extension}` : ''}`))
    if (kind.form === 'folder') await mkdir(path)
    outputs[port] = {
      path,
      async write(row) {
        const wrong = kind.rows?.check?.(row)
        if (wrong) throw new Error(`${port}: ${wrong}`)
        ;(written[port] ??= []).push(JSON.stringify(row) + '\n')
      },
    }
  }
  const scratch = options.scratch ?? join(folder, 'scratch')
  await mkdir(scratch, { recursive: true })

  const metrics: Record<string, number> = {}
  const curves: { name: string; value: number; step: number }[] = []
  const samples: { step: number; prompt: string; reference: string; prediction: string }[] = []
  const logs: string[] = []
  const warnings: string[] = []
  const context: StageContext = {
    params,
    inputs,
    outputs,
    services: Object.fromEntries(Object.keys(stage.services ?? {}).map(name => [name, new Map(Object.entries(options.members ?? {}))])),
    seed: options.seed ?? 0,
    threads: options.threads ?? 1,
    env: options.env ?? {},
    projectRoot: options.projectRoot ?? folder,
    signal: options.signal ?? new AbortController().signal,
    ...(options.backend === undefined ? {} : { backend: options.backend }),
    scratch,
    prior: options.prior ?? [],
    ...(options.keep !== undefined && { keep: options.keep }),
    memo: options.memo ?? {
      async *map(rows, { chunk = 1 }, fn) {
        let batch: (typeof rows extends AsyncIterable<infer R> | Iterable<infer R> ? R : never)[] = []
        for await (const row of rows) {
          batch.push(row)
          if (batch.length === chunk) yield* await fn(batch.splice(0))
        }
        if (batch.length > 0) yield* await fn(batch)
      },
    },
    progress() {},
    metric: (name, value, step) => void (step === undefined ? (metrics[name] = value) : curves.push({ name, value, step })),
    sample: sample => void samples.push(sample),
    log: message => void logs.push(message),
    warn: message => void warnings.push(message),
    fail: (message, param, hint) => {
      throw new StageFailed(message, param, hint)
    },
  }
  const { default: run } = await stage.run()
  await run(context)
  for (const [port, lines] of Object.entries(written)) await writeFile(paths[port]!, lines.join(''))
  return {
    paths,
    metrics,
    curves,
    samples,
    logs,
    warnings,
    scratch,
    rows: async port => (written[port] ?? []).map(line => JSON.parse(line)),
    text: port => readFile(paths[port]!, 'utf8'),
  }
}

const isMembers = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(m => Array.isArray(m) && typeof m[0] === 'string')

function artifact(fields: { path: string; label: string; reference?: string; logicalName?: string; kind?: string }): ArtifactHandle {
  return {
    kind: 'file',
    digest: '',
    logicalName: basename(fields.path),
    ...fields,
    async *[Symbol.asyncIterator]() {
      for (const line of (await readFile(fields.path, 'utf8')).split('\n')) if (line !== '') yield JSON.parse(line)
    },
  }
}

function withDefaults(schema: JsonSchema, params: Record<string, unknown>): Record<string, unknown> {
  const filled = { ...params }
  const properties = (schema.properties ?? {}) as Record<string, { default?: unknown }>
  for (const [name, { default: value }] of Object.entries(properties)) if (value !== undefined && !(name in filled)) filled[name] = value
  return filled
}
