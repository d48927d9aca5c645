import type { Json, JsonObject } from '../artifacts/types.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'
import { DiagnosticError } from '../diagnostics/diagnostic-error.js'
import type { Pipeline } from '../source/pipeline.js'
import { deferred, evaluate, evaluateTemplate, isTrue, type Known, type Scope } from '../source/expressions/evaluate.js'
import { parseCondition, parseTemplate } from '../source/expressions/parse.js'
import { templateReferences } from '../source/expressions/references.js'
import { residue } from '../source/expressions/residue.js'
import { ExpressionError, type Expression } from '../source/expressions/syntax.js'
import type { Graph, GraphNode, NodeId } from './graph.js'
import { ParameterSchema } from './parameters.js'
import { pointerParts, schemaProblems } from './schema-errors.js'

/** What is known only when a node is planned or run. Each answers undefined while it is not known yet. */
export interface Resolvers {
  readonly digestOf: (node: NodeId, port: string) => string | undefined
  readonly secretOf: (name: string) => string | undefined
  /** null where the node is done and has no such metric. */
  readonly metricOf?: (node: NodeId, name: string) => number | null | undefined
}

type Env = Readonly<Record<string, string>>

/**
 * The parameters of a node with digests and secrets in place, and `template`, in which secrets are still `${{ secrets.X }}`: what
 * the key holds. Undefined while something is not known. Throws a DiagnosticError where the values turn out not to fit.
 */
export function bindParams(node: GraphNode, pipeline: Pipeline, resolvers: Resolvers): { params: JsonObject; template: JsonObject } | undefined {
  if (node.deferred.length === 0) return { params: node.params, template: node.params }
  const full = scopeOf(node, resolvers, false)
  const withoutSecrets = scopeOf(node, resolvers, true)
  let params: Json = node.params
  let template: Json = node.params
  for (const pointer of node.deferred) {
    const path = pointerParts(pointer)
    const text = at(node.params, path) as string
    const range = () => pipeline.rangeOf(['stages', node.source.id, 'with', ...path])
    const value = located(range, () => evaluateTemplate(parseTemplate(text), full))
    if (value === deferred) return undefined
    params = replaced(params, path, value)
    template = replaced(template, path, located(range, () => residue(parseTemplate(text), withoutSecrets).value))
  }
  checkBound(node, params as JsonObject, pipeline)
  return { params: params as JsonObject, template: template as JsonObject }
}

/** The same for the declared environment. */
export function evaluateEnv(node: GraphNode, pipeline: Pipeline, resolvers: Resolvers): { env: Env; template: Env } | undefined {
  if (node.deferredEnv.length === 0) return { env: node.env, template: node.env }
  const env: Record<string, string> = { ...node.env }
  const template: Record<string, string> = { ...node.env }
  for (const name of node.deferredEnv) {
    const range = () => pipeline.rangeOf(['stages', node.source.id, 'env', name])
    const parsed = parseTemplate(node.env[name]!)
    const value = located(range, () => evaluateTemplate(parsed, scopeOf(node, resolvers, false)))
    if (value === deferred) return undefined
    env[name] = asText(value)
    template[name] = asText(located(range, () => residue(parsed, scopeOf(node, resolvers, true)).value))
  }
  return { env, template }
}

/** Whether a node runs: what was known before, else its condition. Undefined while that is not known. Throws a DiagnosticError. */
export function evaluateWhen(node: GraphNode, pipeline: Pipeline, resolvers: Resolvers): boolean | undefined {
  if (node.when !== undefined) return node.when
  if (node.condition === undefined) throw new Error(`Internal: ${node.id} has no condition`)
  const range = () => node.source.when?.range ?? pipeline.rangeOf(['stages', node.source.id])
  const expression = parseCondition(node.condition).parts[0] as Expression
  const value = located(range, () => evaluate(expression, scopeOf(node, resolvers, false)))
  return value === deferred ? undefined : isTrue(value)
}

/** Every secret that the nodes of a graph read, with the first place that does. */
export function usedSecrets(graph: Graph): { readonly name: string; readonly range: SourceRange }[] {
  const found = new Map<string, SourceRange>()
  const seen = new Set<unknown>()
  const look = (text: string, path: readonly (string | number)[]) => {
    for (const reference of templateReferences(parseTemplate(text))) {
      if (reference.type === 'secret' && !found.has(reference.name)) found.set(reference.name, graph.pipeline.rangeOf(path))
    }
  }
  for (const node of graph.nodes.values()) {
    if (!seen.has(node.params)) for (const pointer of node.deferred) look(at(node.params, pointerParts(pointer)) as string, ['stages', node.source.id, 'with', ...pointerParts(pointer)])
    if (!seen.has(node.env)) for (const name of node.deferredEnv) look(node.env[name]!, ['stages', node.source.id, 'env', name])
    seen.add(node.params).add(node.env)
  }
  return [...found].map(([name, range]) => ({ name, range }))
}

const asText = (value: Json) => (typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value))

/** What is left in a node was computed with all else: it reads no params and no matrix any more. */
function scopeOf(node: GraphNode, { digestOf, secretOf, metricOf }: Resolvers, keepSecrets: boolean): Scope {
  const nodeOf = (stage: string) => {
    const id = node.reads[stage]
    if (id === undefined) throw new Error(`Internal: ${node.id} reads ${stage}, which means no node`)
    return id
  }
  const known = <T>(value: T | undefined): Known<T> => (value === undefined ? deferred : value)
  const base: Scope = {
    params: {},
    matrix: {},
    env: () => null,
    secret: name => (keepSecrets ? deferred : known(secretOf(name))),
    digest: (stage, port) => known(digestOf(nodeOf(stage), port)),
    metric: (stage, name) => {
      const value = known(metricOf?.(nodeOf(stage), name))
      if (value !== null) return value
      throw new ExpressionError('expression-value', { start: 0, end: 0 }, `"${nodeOf(stage)}" has no metric "${name}".`)
    },
  }
  return {
    ...base,
    env: name => {
      if (!node.deferredEnv.includes(name)) return node.env[name] ?? null
      const value = evaluateTemplate(parseTemplate(node.env[name]!), base)
      return value === deferred ? deferred : asText(value)
    },
  }
}

const located = <T>(range: () => SourceRange, work: () => T): T => {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    throw new DiagnosticError({ code: error.code, severity: 'error', message: error.message, range: range(), ...(error.hint !== undefined && { hint: error.hint }) })
  }
}

/** Once all is known the schema has its say on the values that had to wait. What they are may be a secret and is not printed. */
function checkBound(node: GraphNode, params: JsonObject, pipeline: Pipeline): void {
  const waited = node.deferred.map(pointer => `/${pointer}`)
  const errors = ParameterSchema.of(node.stage.definition).errors(params as Json)
  const [first] = schemaProblems(errors.filter(e => waited.some(pointer => e.instancePath === pointer || e.instancePath.startsWith(`${pointer}/`))))
  if (!first) return
  throw new DiagnosticError({ code: 'bad-parameter', severity: 'error', message: `${first.message.replace(/; got [^]*$/, '')}.`, range: pipeline.rangeOf(['stages', node.source.id, 'with', ...pointerParts(first.pointer)]) })
}

function at(value: Json, path: readonly string[]): Json {
  let found: Json = value
  for (const part of path) found = (found as { readonly [key: string]: Json })[part]!
  return found
}

/** A copy with one part changed; what lies beside the path is shared. */
function replaced(value: Json, [part, ...rest]: readonly string[], by: Json): Json {
  if (part === undefined) return by
  if (Array.isArray(value)) return (value as readonly Json[]).map((item, i) => (i === Number(part) ? replaced(item, rest, by) : item))
  return { ...(value as JsonObject), [part]: replaced((value as JsonObject)[part]!, rest, by) }
}
