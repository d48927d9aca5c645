import { furtherInGraph } from '../src/graph/resolve.js'
import { Collector, parsePipeline, renderDiagnostics, resolveGraph, type Diagnostic, type Graph, type ParseOptions, type Registry, type Result } from '../src/index.js'
import { fakeRegistry } from './fake-registry.js'

export interface TextOptions extends Pick<ParseOptions, 'set' | 'paramsFile'> {
  readonly env?: Readonly<Record<string, string>>
  readonly registry?: Registry
}

/** Text → graph, with the diagnostics of both steps. */
export function resolveText(text: string, { env = {}, registry = fakeRegistry(), ...options }: TextOptions = {}): Result<Graph> {
  const parsed = parsePipeline({ file: '/project/pipeline.yaml', text, projectRoot: '/project', env, ...options })
  const pipeline = parsed.ok ? parsed.value : parsed.partial
  if (!pipeline) return { ok: false, diagnostics: parsed.diagnostics }
  const graph = resolveGraph(pipeline, registry)
  const collector = new Collector()
  collector.addAll(parsed.diagnostics)
  collector.addFollowing(parsed.ok ? graph.diagnostics : furtherInGraph(pipeline, registry, parsed.diagnostics).diagnostics)
  return graph.ok && parsed.ok ? { ...graph, diagnostics: collector.diagnostics } : { ok: false, diagnostics: collector.diagnostics }
}

/** The graph of a text that must be right. */
export function graphOf(text: string, options: TextOptions = {}): Graph {
  const result = resolveText(text, options)
  if (!result.ok) throw new Error(render(result.diagnostics, text))
  return result.value
}

export const render = (diagnostics: readonly Diagnostic[], text: string) =>
  renderDiagnostics(diagnostics, { textOf: file => (file === '/project/pipeline.yaml' ? text : undefined), cwd: '/project' })

/** `code line:column message` of each, for tests that need no frame. */
export const brief = (diagnostics: readonly Diagnostic[]) => diagnostics.map(d => `${d.code}${d.range ? ` ${d.range.line}:${d.range.column}` : ''} ${d.message}${d.hint ? ` | ${d.hint}` : ''}`)
