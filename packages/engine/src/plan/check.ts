import { canonicalJson } from '../artifacts/canonical-json.js'
import { sha256 } from '../artifacts/digest.js'
import type { Collector } from '../diagnostics/collector.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'
import type { GraphNode } from '../graph/graph.js'
import type { InputPort, StageProblem } from '../plugin/define.js'
import type { Pipeline } from '../source/pipeline.js'
import type { FingerprintContext } from './fingerprint.js'
import { namedQuestion, type NamedArtifact } from './named-files.js'

const asked = new WeakMap<FingerprintContext['shared'], Map<string, Promise<readonly StageProblem[]>>>()

/** Asks the kinds of what parameters name, and the stage itself, what is wrong; cheap looks at headers, each made once for all nodes that share it. */
export async function checkNode(node: GraphNode, pipeline: Pipeline, context: FingerprintContext, problems: Collector): Promise<void> {
  const known = asked.get(context.shared) ?? new Map<string, Promise<readonly StageProblem[]>>()
  asked.set(context.shared, known)
  const once = (question: string, ask: () => Promise<readonly StageProblem[]>) => {
    const answer = known.get(question) ?? ask()
    known.set(question, answer)
    return answer
  }

  const { definition } = node.stage
  const inputs: Record<string, { path: string; logicalName: string; reference: string }[]> = {}
  for (const [port, members] of Object.entries(node.inputs)) {
    const of = node.inputPorts[port]
    for (const member of members) {
      if (member.type !== 'files' || !of) continue
      for (const artifact of await artifactsOf(member, port, of, context)) {
        ;(inputs[port] ??= []).push({ path: artifact.path, logicalName: artifact.logicalName, reference: member.reference })
        const check = of.kind.check
        if (!check) continue
        const found = await once(`kind\0${of.kind.id}\0${of.view ?? ''}\0${artifact.path}`, () => asking(`the check of kind ${of.kind.id}`, () => check(artifact.path, of.view)))
        report(found, 'bad-artifact', () => member.range, problems)
      }
    }
  }
  const { check } = definition
  if (!check) return
  const question = `stage\0${definition.id}\0${sha256(canonicalJson(node.params))}\0${sha256(canonicalJson(inputs))}`
  const found = await once(question, () => asking(`the check of ${definition.id}`, () => check({ params: node.params, inputs })))
  report(found, 'stage-check', param => paramRange(node, pipeline, param), problems)
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

/** A check that throws is a fault of the plugin, told like a problem. */
async function asking(what: string, ask: () => Promise<readonly StageProblem[]> | readonly StageProblem[]): Promise<readonly StageProblem[]> {
  try {
    return await ask()
  } catch (error) {
    return [{ message: `${what} failed: ${error instanceof Error ? error.message : String(error)}`, hint: 'This is a fault of the plugin.' }]
  }
}

function report(found: readonly StageProblem[], code: 'bad-artifact' | 'stage-check', rangeOf: (param: string | undefined) => SourceRange, problems: Collector): void {
  for (const { message, hint, severity, param } of found) problems[severity ?? 'error'](code, rangeOf(param), message, { hint })
}

/** Where a parameter stands in the YAML; where the file does not give it, the nearest that it does. */
export function paramRange(node: GraphNode, pipeline: Pipeline, param: string | undefined): SourceRange {
  const below = param === undefined || param === '' ? [] : param.split('/').map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  return pipeline.rangeOf(['stages', node.source.id, 'with', ...below])
}
