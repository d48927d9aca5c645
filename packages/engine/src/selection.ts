import { Collector } from './diagnostics/collector.js'
import type { Diagnostic } from './diagnostics/diagnostic.js'
import type { Result } from './diagnostics/result.js'
import { bindParams, evaluateEnv, evaluateWhen, usedSecrets, type Resolvers } from './graph/bind.js'
import type { GraphNode, NodeId } from './graph/graph.js'
import type { Machine } from './execute/scheduler.js'
import { selectNodes, type SelectionOptions } from './graph/select.js'
import { sharedLookups } from './plan/fingerprint.js'
import type { OutsideData } from './plan/outside-data.js'
import type { NodeState, PlanOptions } from './plan/plan.js'
import type { Plan } from './plan/types.js'
import type { OpenedPipeline } from './opened-pipeline.js'

/** What of a pipeline is asked for. */
export interface Selected extends SelectionOptions {
  /** Fetches the outside data of these anew. */
  readonly refresh?: readonly string[]
}

type StateOf = (node: NodeId) => NodeState | undefined

/** The nodes that are meant, and how what waits for digests, metrics and secrets is resolved. */
export function selectionOf({ graph, store, registry, backend, secrets, references, commandFor }: OpenedPipeline, selected: Selected, outside?: OutsideData): Result<PlanOptions> {
  const { force = [], refresh = [] } = selected
  const selection = selectNodes(graph, { ...selected, force: force === true ? true : [...force, ...refresh] })
  if (!selection.ok) return selection
  const resolvers = (stateOf: StateOf): Resolvers => ({
    digestOf: (node, port) => {
      const state = stateOf(node)
      if (state === undefined) return undefined
      return (state.type === 'done' && state.outputs[port]?.digest) || 'absent'
    },
    // A secret is no part of the key, so a plan can be made without it; `missingSecrets` keeps a run from starting.
    secretOf: name => secrets.get(name) ?? '***',
    metricOf: (node, name) => {
      const state = stateOf(node)
      return state === undefined ? undefined : state.type === 'done' && Object.hasOwn(state.metrics, name) ? state.metrics[name]! : null
    },
  })
  const bind = (node: GraphNode, stateOf: StateOf) => {
    const params = bindParams(node, graph.pipeline, resolvers(stateOf))
    const env = params && evaluateEnv(node, graph.pipeline, resolvers(stateOf))
    return params && env && { params: params.params, template: params.template, env: env.env, envTemplate: env.template }
  }
  return {
    ok: true,
    diagnostics: selection.diagnostics,
    value: {
      store,
      registry,
      bind,
      whenOf: (node, stateOf) => evaluateWhen(node, graph.pipeline, resolvers(stateOf)),
      force: selection.value.forced,
      selection: selection.value.nodes,
      mustHit: selection.value.mustHit,
      shared: sharedLookups(),
      references,
      commandFor,
      ...(outside && { outside }),
      ...(backend !== undefined && { backend }),
    },
  }
}

/** Of a run what it lacks is an error; of a plan a warning, as another machine may have it. */
type Severity = 'error' | 'warning'

/** The secrets that a stage which may run reads and that nobody set. */
export function missingSecrets(plan: Plan, secrets: ReadonlyMap<string, string>, severity: Severity): readonly Diagnostic[] {
  const problems = new Collector()
  const running = [...plan.nodes.values()].filter(p => p.action === 'run' || p.action === 'undetermined').map(p => [p.node.id, p.node] as const)
  for (const { name, range } of usedSecrets({ pipeline: plan.graph.pipeline, nodes: new Map(running) })) {
    if (secrets.has(name)) continue
    const hint = /^\w+$/.test(name) ? `Set HONE_SECRET_${name} in the environment, or in .env at the project root.` : `Name it with letters, digits and _ alone: neither a shell nor .env can set HONE_SECRET_${name}.`
    problems[severity]('missing-secret', range, `The secret "${name}" is not set.`, { hint })
  }
  return problems.diagnostics
}

/** Stages that will run here and ask for more GPUs than there are. Cores and memory are wishes: who wants more of them runs alone. */
export function beyondMachine({ graph: { pipeline }, nodes }: Plan, { gpus }: Pick<Machine, 'gpus'>, severity: Severity): readonly Diagnostic[] {
  const problems = new Collector()
  for (const { action, node } of nodes.values()) {
    const { source, resources } = node
    if (action !== 'run' || resources.gpus <= gpus || (source.executor ?? 'local') !== 'local') continue
    problems[severity]('too-few-gpus', pipeline.rangeOf(['stages', source.id, 'resources', 'gpus']), `"${source.id}" asks for ${gpuCount(resources.gpus)}; this machine has ${gpus === 0 ? 'none' : gpus}.`, { hint: 'Lower "resources: { gpus }", or run it on a machine that has them.' })
  }
  return problems.diagnostics
}

const gpuCount = (n: number) => `${n} GPU${n === 1 ? '' : 's'}`
