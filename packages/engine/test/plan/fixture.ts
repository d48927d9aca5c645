import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FileStore } from '../../src/artifacts/store.js'
import type { ActionRecord, JsonObject, OutputRecord } from '../../src/artifacts/types.js'
import type { SourceRange } from '../../src/diagnostics/diagnostic.js'
import type { Graph, GraphNode, NodeId, NodeInput } from '../../src/graph/graph.js'
import { defineKind, defineStage, params, type InputPort, type KindDefinition, type StageDefinition } from '../../src/plugin/define.js'
import type { RegisteredStage, Registry } from '../../src/plugin/registry.js'
import { OutsideData } from '../../src/plan/outside-data.js'
import { sharedLookups, type FingerprintContext } from '../../src/plan/fingerprint.js'
import { pipelineId, plan, type PlanOptions } from '../../src/plan/plan.js'
import type { FingerprintOutcome, Plan } from '../../src/plan/types.js'
import { fingerprint } from '../../src/plan/fingerprint.js'

export const rows = defineKind({ id: 'rows', summary: '', form: 'file', extension: 'jsonl' })
export const model = defineKind({
  id: 'model',
  summary: '',
  form: 'folder',
  files: (paths, view) => paths.filter(p => (view === 'tokenizer' ? p === 'tokenizer.json' : !p.startsWith('README'))),
})

/** The range of a path of the file, made up so that a test can tell which it is. */
export const rangeOf = (path: readonly (string | number)[]): SourceRange => ({ file: path.join('/'), offset: 0, length: 1, line: 1, column: 1 })

export interface NodeSketch {
  readonly uses?: string
  readonly params?: JsonObject
  /** `stage.port`, or `with: 'param'` for what a parameter names. */
  readonly inputs?: Readonly<Record<string, { from?: readonly string[]; labels?: readonly string[]; param?: string; glob?: boolean } & Partial<InputPort>>>
  readonly outputs?: Readonly<Record<string, KindDefinition>>
  readonly stage?: Partial<StageDefinition>
  readonly code?: string | null
  readonly seed?: number
  readonly env?: Readonly<Record<string, string>>
  readonly cache?: boolean
  readonly when?: boolean
  readonly needs?: readonly string[]
  readonly timeoutMs?: number
}

export function sketchGraph(projectRoot: string, sketch: Readonly<Record<string, NodeSketch>>): Graph {
  const nodes = new Map<NodeId, GraphNode>()
  const stages = new Map<string, RegisteredStage>()
  for (const [id, s] of Object.entries(sketch)) {
    const uses = s.uses ?? 'test/stage'
    const inputPorts: Record<string, InputPort> = {}
    const inputs: Record<string, NodeInput[]> = {}
    for (const [port, { from, labels, param, glob, ...of }] of Object.entries(s.inputs ?? {})) {
      inputPorts[port] = { kind: rows, ...of }
      inputs[port] = param
        ? [s.params?.[param] ?? []].flat().map(reference => ({ type: 'files', param, reference: String(reference), label: '', glob: glob ?? false, range: rangeOf(['stages', id, 'with', param]) }))
        : (from ?? []).map((ref, i) => {
            const [node, out = 'out'] = ref.split('.') as [NodeId, string?]
            return { type: 'output', node, port: out, label: labels?.[i] ?? '' }
          })
    }
    const definition = defineStage({
      id: uses, version: 1, summary: '', params: params({}), inputs: {}, outputs: {}, determinism: 'bytes', run: async () => ({ default: () => undefined }), ...s.stage,
    })
    const name = s.stage ? id : `${uses} ${s.code}`
    const stage = stages.get(name) ?? {
      definition,
      plugin: { definition: { name: 'test', api: 1 as const }, name: 'test', version: '1', module: '', builtIn: true },
      codeDigest: async () => (s.code === null ? undefined : (s.code ?? 'c0de')),
    }
    stages.set(name, stage)
    const upstream = Object.values(inputs).flat().flatMap(m => (m.type === 'output' ? [m.node] : []))
    const single = Object.entries(inputs).flatMap(([port, ms]) => (inputPorts[port]?.many ? [] : ms.flatMap(m => (m.type === 'output' ? [m.node] : []))))
    const needs = (s.needs ?? []) as NodeId[]
    nodes.set(id as NodeId, {
      id: id as NodeId,
      source: {
        id, uses: { value: uses, range: rangeOf(['stages', id, 'uses']) }, with: s.params ?? {}, inputs: {}, needs: [], resources: {}, retry: { attempts: 1, backoffMs: 0 },
        env: {}, publish: {}, cache: s.cache ?? true, seed: 0, ...(s.timeoutMs ? { timeoutMs: s.timeoutMs } : {}),
      },
      stage, labels: {}, params: s.params ?? {}, deferred: [], inputPorts,
      outputPorts: Object.fromEntries(Object.entries(s.outputs ?? { out: rows }).map(([port, kind]) => [port, { kind }])),
      inputs, after: [...upstream, ...needs], required: [...single, ...needs], when: s.when ?? true, reads: {}, env: s.env ?? {}, deferredEnv: [], seed: s.seed ?? 0, publish: {}, resources: { cpus: 1, gpus: 0, memory: 0 },
    })
  }
  const file = join(projectRoot, 'p.yaml')
  return { nodes, pipeline: { name: 'p', file, projectRoot, text: '', params: {}, plugins: [], stages: [], env: {}, rangeOf, rangeIn: rangeOf } }
}

const registry: Registry = { stage: () => undefined, kind: id => (id === 'model' ? model : undefined), stages: [], kinds: [rows, model], plugins: [], members: [], member: () => undefined, providers: [] }
const bind = (node: GraphNode) => ({ params: node.params, template: node.params, env: node.env, envTemplate: node.env })

const planOptions = { registry, bind, whenOf: () => true, commandFor: (stage: string) => `hone run pipeline.yaml ${stage}` }

export async function planOf(store: FileStore, graph: Graph, options: Partial<PlanOptions> = {}): Promise<Plan> {
  const result = await plan(graph, { ...planOptions, store, ...options })
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics))
  return result.value
}

export const tryPlan = (store: FileStore, graph: Graph, options: Partial<PlanOptions> = {}) => plan(graph, { ...planOptions, store, ...options })

/** `a: hit`, `b: run (no record yet)`. */
export const lines = (plan: Plan): string[] => [...plan.nodes].map(([id, n]) => `${id}: ${n.action}${n.reasons.length ? ` (${n.reasons.join('; ')})` : ''}`)

export const outcomeOf = (store: FileStore, graph: Graph, id: string, known: Record<string, Record<string, OutputRecord> | 'skipped'> = {}, more: Partial<FingerprintContext> = {}): Promise<FingerprintOutcome> =>
  fingerprint(graph.nodes.get(id as NodeId) as GraphNode, { store, registry, projectRoot: graph.pipeline.projectRoot, bind, outputsOf: n => known[n], shared: sharedLookups(), outside: new OutsideData(store.root), files: 'once', ...more })

export async function keyOf(...args: Parameters<typeof outcomeOf>): Promise<string> {
  const outcome = await outcomeOf(...args)
  if (outcome.type !== 'ready' || !outcome.key) throw new Error(JSON.stringify(outcome))
  return outcome.key
}

/** Runs what a plan says, giving each node the text that `give` says as its outputs, and remembers it as a run does. */
export async function runAll(store: FileStore, graph: Graph, give: (node: string, port: string) => string = (node, port) => `${node}.${port}`, options: Partial<PlanOptions> = {}): Promise<string[]> {
  const ran: string[] = []
  const done: Record<string, Record<string, OutputRecord> | 'skipped'> = {}
  const planned = await planOf(store, graph, options)
  for (const [id, node] of planned.nodes) {
    if (node.action === 'skip') {
      done[id] = 'skipped'
      continue
    }
    const outcome = await outcomeOf(store, graph, id, done)
    const staticKey = outcome.type === 'ready' ? outcome.staticKey() : undefined
    if (outcome.type !== 'ready' || !outcome.key || !staticKey) throw new Error(`${id}: ${JSON.stringify(outcome)}`)
    let record: ActionRecord | undefined = options.force?.has(id) ? undefined : await store.lookup(outcome.key)
    if (!record) {
      ran.push(id)
      const outputs: Record<string, OutputRecord> = {}
      for (const [port, { kind }] of Object.entries(node.node.outputPorts)) {
        const text = give(id, port)
        if (text === '') continue
        const { dir } = await store.attempt(outcome.key)
        writeFileSync(join(dir, port), text)
        outputs[port] = await store.ingest(join(dir, port), kind.id, 'file')
      }
      await store.clean(outcome.key)
      const { definition } = node.node.stage
      record = await store.publish(
        {
          schema: 1, key: outcome.key, staticKey, uses: definition.id, components: outcome.components, outputs, metrics: {},
          determinism: definition.determinism as 'bytes', run: 'r', node: id, finishedAt: '2026-03-04T00:00:00.000Z', durationMs: 1234,
        },
        { replace: options.force?.has(id) === true },
      )
    }
    store.remember(pipelineId(graph.pipeline), id, record.key)
    done[id] = record.outputs
  }
  return ran
}
