import { canonicalJson } from '../artifacts/canonical-json.js'
import { sha256 } from '../artifacts/digest.js'
import type { Digest, Json } from '../artifacts/types.js'
import { Collector } from '../diagnostics/collector.js'
import type { Diagnostic, SourceRange } from '../diagnostics/diagnostic.js'
import type { NamedForPort } from '../graph/expand.js'
import type { Graph, GraphNode } from '../graph/graph.js'
import { parsePipelineReference } from '../graph/reference.js'
import { show } from '../graph/schema-errors.js'
import type { CheckContext, InputPort, KindDefinition, NamedInputs, StageProblem, UpstreamStage } from '../plugin/define.js'
import type { LoadedPlugin, Registry } from '../plugin/registry.js'
import type { Pipeline } from '../source/pipeline.js'
import { backendOf, type FingerprintContext } from './fingerprint.js'
import { findNamed, namedQuestion, type Hashing } from './named-files.js'
import type { NamedArtifact } from './types.js'

/** What a check says, or what is wrong with what it says. */
type Answer = { readonly problems: readonly StageProblem[] } | { readonly fault: string }

const asked = new WeakMap<FingerprintContext['shared'], Map<string, Promise<Answer>>>()

/** Asks the kinds of what parameters name, and the stage itself, what is wrong; cheap looks at headers, each made once for all nodes that share it. */
export async function checkNode(node: GraphNode, { nodes, pipeline }: Graph, context: FingerprintContext, problems: Collector): Promise<void> {
  const known = asked.get(context.shared) ?? new Map<string, Promise<Answer>>()
  asked.set(context.shared, known)
  const once = (question: string, ask: () => Promise<Answer>) => {
    const answer = known.get(question) ?? ask()
    known.set(question, answer)
    return answer
  }

  const { definition } = node.stage
  for (const [port, members] of Object.entries(node.inputs)) {
    const of = node.inputPorts[port]
    const check = of?.kind.check
    if (!of || !check) continue
    for (const member of members) {
      if (member.type !== 'files') continue
      for (const artifact of await artifactsOf(member, port, of, context)) {
        const found = await once(`kind\0${of.kind.id}\0${of.view ?? ''}\0${artifact.path}`, () => asking(`the check of kind ${of.kind.id}`, () => check(artifact.path, of.view)))
        report(found, 'bad-artifact', () => member.range, fromKind(of.kind, context.registry.plugins), problems)
      }
    }
  }
  const { check } = definition
  if (!check) return
  const upstream: Record<string, UpstreamStage[]> = {}
  for (const [port, members] of Object.entries(node.inputs)) {
    for (const member of members) {
      const before = member.type === 'output' ? nodes.get(member.node) : undefined
      if (before) (upstream[port] ??= []).push(await asUpstream(before, context))
    }
  }
  const backend = backendOf(node, context.backend)
  const asks: CheckContext = { params: node.params, inputs: await namedInputs(node, context), upstream, ...(backend !== undefined && { backend }) }
  const question = `stage\0${definition.id}\0${sha256(canonicalJson(asks as unknown as Json))}`
  const found = await once(question, () => asking(`the check of ${definition.id}`, () => check(asks)))
  report(found, 'stage-check', param => paramRange(node, pipeline, param), `It comes from the plugin ${node.stage.plugin.name}.`, problems)
}

/**
 * Where the graph has mistakes no plan is made. What its parameters name is looked at all the same: whether it is there, and what its kind says of
 * its headers. Nothing is hashed, and what lies outside the project is left for when the rest is right.
 */
export async function lookAtNamed(named: Iterable<NamedForPort>, { projectRoot, fetch }: Pipeline, { plugins }: Registry): Promise<readonly Diagnostic[]> {
  const problems = new Collector()
  const seen = new Set<string>()
  for (const { port, of, member } of named) {
    const question = `${namedQuestion(member, port, of)}\0${member.range.offset}`
    if (seen.has(question) || !isPath(member.reference, of.kind)) continue
    seen.add(question)
    const found = await findNamed({ port, reference: member.reference, glob: member.glob, kind: of.kind, view: of.view }, projectRoot, unhashed)
    if (found.type === 'problem') {
      problems.error(found.code, member.range, found.message, { hint: found.code === 'missing-file' && fetch !== undefined ? fetchHint(fetch) : found.hint })
      continue
    }
    const { check } = of.kind
    for (const { path } of check ? found.artifacts : []) {
      report(await asking(`the check of kind ${of.kind.id}`, () => check!(path, of.view)), 'bad-artifact', () => member.range, fromKind(of.kind, plugins), problems)
    }
  }
  return problems.diagnostics
}

/** What to do about a file that is not there, where the pipeline says which command gets its inputs. */
export const fetchHint = (fetch: string): string => `\`${fetch}\` gets what this pipeline needs.`

const unhashed: Hashing = { digestFile: async () => ({ digest: '' as Digest, bytes: 0 }), knownDigest: () => undefined }

/** Neither of another pipeline nor from outside, nor one that an axis is still to fill in. */
function isPath(reference: string, kind: KindDefinition): boolean {
  if (reference.includes('${{') || parsePipelineReference(reference)) return false
  try {
    return kind.resolve?.(reference) === undefined
  } catch {
    return false
  }
}

const asUpstream = async (node: GraphNode, context: FingerprintContext): Promise<UpstreamStage> => ({
  stage: node.id,
  uses: node.stage.definition.id,
  params: node.params,
  inputs: await namedInputs(node, context),
  fed: Object.keys(node.inputs).filter(port => node.inputs[port]?.some(member => member.type === 'output')),
})

/** What the parameters of a node name, by port. */
async function namedInputs(node: GraphNode, context: FingerprintContext): Promise<NamedInputs> {
  const inputs: Record<string, NamedInputs[string][number][]> = {}
  for (const [port, members] of Object.entries(node.inputs)) {
    const of = node.inputPorts[port]
    for (const member of members) {
      if (member.type !== 'files' || !of) continue
      for (const { path, logicalName } of await artifactsOf(member, port, of, context)) (inputs[port] ??= []).push({ path, logicalName, reference: member.reference })
    }
  }
  return inputs
}

async function artifactsOf(
  member: { reference: string; glob: boolean },
  name: string,
  port: InputPort,
  { shared }: FingerprintContext,
): Promise<readonly NamedArtifact[]> {
  const named = await shared.named.get(namedQuestion(member, name, port))
  return named?.type === 'found' ? named.artifacts : []
}

/** A check that throws, or answers no problems, is a fault of the plugin. */
async function asking(what: string, ask: () => Promise<readonly StageProblem[]> | readonly StageProblem[]): Promise<Answer> {
  try {
    const problems: unknown = await ask()
    if (!Array.isArray(problems)) return { fault: `${what} answers ${short(problems)}; a list of problems is wanted, [] where nothing is wrong` }
    const wrong = problems.findIndex(problem => !isProblem(problem))
    return wrong < 0 ? { problems } : { fault: `${what} answers ${short(problems[wrong])} among its problems; { message } is wanted, with param, hint and severity 'error' or 'warning' if need be` }
  } catch (error) {
    return { fault: `${what} failed: ${error instanceof Error ? error.message : String(error)}` }
  }
}

function isProblem(value: unknown): value is StageProblem {
  if (typeof value !== 'object' || value === null) return false
  const { message, param, hint, severity } = value as Record<string, unknown>
  return typeof message === 'string' && [param, hint].every(text => text === undefined || typeof text === 'string') && [undefined, 'error', 'warning'].includes(severity as undefined)
}

const short = (value: unknown) => (typeof value === 'function' ? 'a function' : show(value as Json)).replace(/^nothing$/, 'undefined')

/** Who brought a kind; undefined where no plugin lists it. */
function fromKind(kind: KindDefinition, plugins: readonly LoadedPlugin[]): string | undefined {
  const plugin = plugins.find(p => p.definition.kinds?.some(k => k.id === kind.id))
  return plugin && `It comes from the plugin ${plugin.name}.`
}

function report(answer: Answer, code: 'bad-artifact' | 'stage-check', rangeOf: (param: string | undefined) => SourceRange, from: string | undefined, problems: Collector): void {
  if ('fault' in answer) return problems.error('plugin-fault', rangeOf(undefined), answer.fault, { hint: from })
  for (const { message, hint, severity, param } of answer.problems) problems[severity ?? 'error'](code, rangeOf(param), message, { hint })
}

/** Where a parameter stands in the YAML; where the file does not give it, the nearest that it does. */
export function paramRange(node: GraphNode, pipeline: Pipeline, param: string | undefined): SourceRange {
  const below = param === undefined || param === '' ? [] : param.split('/').map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  return pipeline.rangeOf(['stages', node.source.id, 'with', ...below])
}
