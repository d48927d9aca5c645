import { relative, resolve, sep } from 'node:path'
import { Collector } from './diagnostics/collector.js'
import type { Diagnostic } from './diagnostics/diagnostic.js'
import type { Result } from './diagnostics/result.js'
import { shellWord } from './diagnostics/shell-word.js'
import { didYouMean } from './diagnostics/suggestion.js'
import type { OutputRecord } from './artifacts/types.js'
import { chooseOutput } from './graph/ports.js'
import { nodesMeant, type PipelineReference } from './graph/reference.js'
import { plan } from './plan/plan.js'
import { namedOutput, problem, type References } from './plan/references.js'
import type { NamedFiles, Naming, PlannedNode } from './plan/types.js'
import type { OpenedPipeline } from './opened-pipeline.js'
import { selectionOf } from './selection.js'

/** Reads a pipeline up to its graph; `chain` are the files that led to it. */
export type Open = (file: string, chain: readonly string[]) => Promise<Result<OpenedPipeline>>

interface Current {
  readonly opened: OpenedPipeline
  readonly output: OutputRecord
}

/** The pipelines that parameters name in one plan or run, each opened once and each of their stages planned once. None of them is run. */
export class OtherPipelines {
  readonly #open: Open
  readonly #opened = new Map<string, Promise<Result<OpenedPipeline>>>()
  readonly #found = new Map<string, Promise<NamedFiles | Current>>()

  constructor(open: Open) {
    this.#open = open
  }

  /** Follows references that stand in the last file of `chain`, which is absolute like all of them. */
  follow(projectRoot: string, chain: readonly string[]): References['ofPipeline'] {
    return async (reference, naming) => {
      const file = resolve(projectRoot, reference.file)
      if (chain.includes(file)) {
        const round = [...chain.slice(chain.indexOf(file)), file].map(f => shown(f, projectRoot))
        const hint = round.length === 2 ? `Stages of the same file are taken by \`inputs:\`: { ${naming.port}: ${reference.stage}${reference.port === undefined ? '' : `.${reference.port}`} }.` : 'One of these files must do without the others; move what they share to a file of its own.'
        return problem('cycle', `"${naming.reference}" leads back to the file that it stands in: ${round.join(' → ')}`, hint)
      }
      const question = JSON.stringify([file, reference.stage, reference.member, reference.port, naming.port, naming.kind.id])
      const found = this.#found.get(question) ?? this.#look(file, reference, naming, chain)
      this.#found.set(question, found)
      const current = await found
      if ('type' in current) return current
      const { opened: { store, registry }, output } = current
      // Each time anew: gc or another stage may have been at it.
      if (!(await store.verifyUnchanged(output))) return stale(naming, reference, 'what it made is damaged or gone')
      const kind = output.kind === naming.kind.id ? naming.kind : (registry.kind(output.kind) ?? naming.kind)
      return { type: 'found', artifacts: [await namedOutput(output, kind, naming.view, store)] }
    }
  }

  async #look(file: string, reference: PipelineReference, naming: Naming, chain: readonly string[]): Promise<NamedFiles | Current> {
    const known = this.#opened.get(file) ?? this.#open(file, [...chain, file])
    this.#opened.set(file, known)
    const opened = await known
    if (!opened.ok) return unplannable(reference, opened.diagnostics, ['no-file'])
    const { graph } = opened.value
    const ids = graph.pipeline.stages.map(s => s.id)
    if (!ids.includes(reference.stage)) return problem('unknown-stage', `${reference.file} has no stage "${reference.stage}"`, didYouMean(reference.stage, ids, 'Its stages are') ?? `hone graph ${shellWord(reference.file)}`)
    const selected = selectionOf(opened.value, { stages: [reference.stage] })
    if (!selected.ok) return unplannable(reference, selected.diagnostics, [])
    const made = await plan(graph, selected.value)
    await opened.value.store.close()
    if (!made.ok) return unplannable(reference, made.diagnostics, ['cycle', 'no-current-result', 'not-fetched'])

    const meant = nodesMeant(reference, [...graph.nodes.values()].filter(node => node.source.id === reference.stage))
    if ('problem' in meant) return problem('bad-reference', `"${naming.reference}" names no member of ${reference.stage}`, meant.hint ?? `See hone graph ${shellWord(reference.file)}.`)
    const [node, second] = meant.nodes
    const planned = node && made.value.nodes.get(node.id)
    if (!planned) throw new Error(`Internal: ${reference.file}: ${reference.stage} is not planned`)
    if (second) return problem('ambiguous-member', `"${naming.reference}" means ${meant.nodes.length} members: ${meant.nodes.slice(0, 4).map(n => n.id).join(', ')}${meant.nodes.length > 4 ? ', …' : ''}`, `Write ${reference.file}:${planned.node.id}${reference.port === undefined ? '' : `.${reference.port}`}.`)
    const collector = new Collector()
    const range = planned.node.source.uses.range
    const port = chooseOutput(planned.node.outputPorts, { port: naming.port, of: { kind: naming.kind }, stage: `${reference.file}:${reference.stage}`, named: reference.port, range, definition: planned.node.stage.definition, registry: opened.value.registry }, collector)
    if (port === undefined) {
      const [wrong] = collector.diagnostics
      return problem((wrong?.code ?? 'unknown-port') as 'unknown-port', wrong?.message ?? 'It has no such output.', wrong?.hint ?? `hone graph ${shellWord(reference.file)}`)
    }
    if (planned.action !== 'hit') return stale(naming, reference, whyNotCurrent(planned))
    const output = planned.record.outputs[port]
    if (!output) return problem('absent-output', `${reference.file}: ${planned.node.id} left no "${port}"`, 'An output without rows is absent: see what the stage reports.')
    return { opened: opened.value, output }
  }
}

const whyNotCurrent = ({ action, reasons, node }: PlannedNode) => (action === 'skip' ? `${node.id} is skipped: ${reasons[0]}` : `${node.id} would run: ${reasons[0] ?? 'no record yet'}`)

const stale = (naming: Naming, { file, stage }: PipelineReference, why: string): NamedFiles =>
  problem('no-current-result', `"${naming.reference}" has no current result: ${why}`, `Run it first: hone run ${shellWord(file)} ${stage}`)

/** What is wrong with the other file, or with one that it names in turn: then with that one's hint. */
function unplannable({ file }: PipelineReference, diagnostics: readonly Diagnostic[], passedOn: readonly string[]): NamedFiles {
  const errors = diagnostics.filter(d => d.severity === 'error')
  const first = errors[0]
  if (!first) throw new Error(`Internal: ${file} is refused without an error`)
  const passesOn = passedOn.includes(first.code)
  const code = first.code === 'no-file' ? 'missing-file' : passesOn ? (first.code as 'cycle') : 'unknown-reference'
  return problem(code, passesOn ? first.message : `${file} has ${errors.length === 1 ? 'a mistake' : `${errors.length} mistakes`}: ${first.message}`, (passesOn && first.hint) || `See hone validate ${shellWord(file)}`)
}

const shown = (file: string, projectRoot: string) => relative(projectRoot, file).split(sep).join('/')
