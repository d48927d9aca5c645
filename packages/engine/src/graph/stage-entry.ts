import type { Collector } from '../diagnostics/collector.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'
import { didYouMean } from '../diagnostics/suggestion.js'
import type { RegisteredStage } from '../plugin/registry.js'
import type { Pipeline, StageSource } from '../source/pipeline.js'
import type { Scope } from '../source/expressions/evaluate.js'
import { parseCondition, parseTemplate } from '../source/expressions/parse.js'
import { templateReferences } from '../source/expressions/references.js'
import { ExpressionError, type Template } from '../source/expressions/syntax.js'
import type { GraphNode } from './graph.js'
import { combinations, type Labels } from './matrix.js'
import { parseReference, type PortReference } from './reference.js'
import { Values, evaluateText, readable } from './values.js'
import type { StageEdge } from './cycles.js'

export type YamlPath = readonly (string | number)[]

/** One reference under `inputs` or `needs`; where it reads the matrix, one for each own combination. */
export interface InputMember {
  /** Key of a map, else ''. */
  readonly label: string
  readonly range: SourceRange
  readonly text: string
  /** By own combination; undefined where it cannot be read. */
  readonly target: (combination: number) => PortReference | undefined
  /** All that it may mean. */
  readonly targets: readonly PortReference[]
}

export interface StageInput {
  readonly port: string
  readonly shape: 'one' | 'many'
  readonly type: 'one' | 'list' | 'map'
  readonly members: readonly InputMember[]
}

/** What the expressions of a stage read of another: where first, and the ports whose digests they read. */
export interface StageRead {
  readonly range: SourceRange
  readonly target: PortReference
  readonly ports: ReadonlyMap<string, SourceRange>
}

/** What is known of a stage before its nodes are made. */
export interface StageEntry {
  readonly source: StageSource
  readonly path: YamlPath
  /** Undefined where `uses` names nothing. */
  readonly registered: RegisteredStage | undefined
  /** The combinations of its own matrix, or one without axes. */
  readonly own: readonly Labels[]
  readonly inputs: readonly StageInput[]
  readonly needs: readonly InputMember[]
  readonly with: Values
  readonly env: Values
  readonly when: Template | undefined
  /** References of expressions to stages, as written, with the place of the first. */
  readonly reads: ReadonlyMap<string, StageRead>
  readonly edges: readonly StageEdge[]
  /** Set once its nodes are made; undefined before, and for good where they cannot be. */
  nodes: readonly GraphNode[] | undefined
}

export const mostNodes = 100_000

/** Reads what a stage refers to. `ids` are the stages of the file. */
export function makeEntry(source: StageSource, registered: RegisteredStage | undefined, pipeline: Pipeline, ids: ReadonlySet<string>, collector: Collector): StageEntry {
  const path = ['stages', source.id]
  const edges: StageEdge[] = []
  const own = ownCombinations(source, path, pipeline, collector)
  const absent = absentAxes(own)
  const complain = (at: YamlPath, error: unknown) => {
    if (!(error instanceof ExpressionError)) throw error
    collector.error(error.code, pipeline.rangeIn(at, error.start, error.end - error.start), error.message, { hint: error.hint })
  }
  const refer = (text: string, range: SourceRange, takesPort: boolean): PortReference | undefined => {
    if (text === '') return undefined
    const target = parseReference(text)
    if (!target) {
      collector.error('bad-reference', range, `"${text}" is not a reference to a stage.`, { hint: 'Write stage, stage.port or stage[axis=value].port.' })
      return undefined
    }
    if (target.port !== undefined && !takesPort) {
      collector.error('bad-reference', range, `"needs" names stages, not their outputs.`, { hint: `Write ${text.slice(0, text.lastIndexOf('.'))}, or take the output under \`inputs:\`.` })
      return undefined
    }
    if (!ids.has(target.stage)) {
      collector.error('unknown-stage', range, `There is no stage "${target.stage}".`, { hint: namesFile(text) ? 'Files are named by parameters, under `with:`.' : didYouMean(target.stage, ids, 'The stages are') })
      return undefined
    }
    if (!edges.some(edge => edge.to === target.stage)) edges.push({ to: target.stage, range })
    return target
  }
  const member = (text: string, range: SourceRange, label: string, at: YamlPath, takesPort = true): InputMember => {
    if (!text.includes('${{')) {
      const target = refer(text, range, takesPort)
      return { label, range, text, target: () => target, targets: target ? [target] : [] }
    }
    const template = readable(text, parseTemplate)
    const references = template ? templateReferences(template) : []
    if (!template || references.some(({ type }) => type !== 'params' && type !== 'matrix' && type !== 'env')) return { label, range, text, target: () => undefined, targets: [] }
    const readsMatrix = references.some(reference => reference.type === 'matrix')
    const byCombination = (readsMatrix ? own : own.slice(0, 1)).map(labels => {
      try {
        return refer(evaluateText(template, inputScope(pipeline, labels, absent)).trim(), range, takesPort)
      } catch (error) {
        complain(at, error)
        return undefined
      }
    })
    return { label, range, text, target: i => byCombination[readsMatrix ? i : 0], targets: byCombination.filter(target => target !== undefined) }
  }
  const inputs = Object.entries(source.inputs).map(([port, input]): StageInput => {
    const at = [...path, 'inputs', port]
    switch (input.type) {
      case 'one':
        return { port, shape: 'one', type: 'one', members: [member(input.ref.value, input.ref.range, '', at)] }
      case 'list':
        return { port, shape: 'many', type: 'list', members: input.refs.map((ref, i) => member(ref.value, ref.range, '', [...at, i])) }
      case 'map':
        return { port, shape: 'many', type: 'map', members: Object.entries(input.refs).map(([label, ref]) => member(ref.value, ref.range, label, [...at, label])) }
      default:
        throw new Error(`Internal: ${(input satisfies never as { type: string }).type}`)
    }
  })
  const needs = source.needs.filter(need => !need.value.includes('${{')).map((need, i) => member(need.value, need.range, '', [...path, 'needs', i], false))
  const withValues = new Values(source.with)
  const env = new Values(source.env)
  const when = typeof source.when?.value === 'string' ? readable(source.when.value, parseCondition) : undefined
  const reads = new Map<string, { range: SourceRange; target: PortReference; ports: Map<string, SourceRange> }>()
  const readIn = (references: readonly ReturnType<typeof templateReferences>[number][], rangeOf: (start: number, end: number) => SourceRange) => {
    for (const reference of references) {
      if (reference.type !== 'digest' && reference.type !== 'metric') continue
      const { start, end } = reference.expression
      const range = rangeOf(start, end)
      const known = reads.get(reference.stage)
      const target = known?.target ?? refer(reference.stage, range, false)
      if (!target) continue
      const entry = known ?? { range, target, ports: new Map() }
      if (reference.type === 'digest' && !entry.ports.has(reference.port)) entry.ports.set(reference.port, range)
      reads.set(reference.stage, entry)
    }
  }
  for (const [values, key] of [[withValues, 'with'], [env, 'env']] as const) {
    for (const { pointer, template } of values.templates) {
      readIn(templateReferences(template), (start, end) => pipeline.rangeIn([...path, key, ...pointer], start, end - start))
    }
  }
  if (when) readIn(templateReferences(when), (start, end) => pipeline.rangeIn([...path, 'when'], start, end - start))
  return { source, path, registered, own, inputs, needs, with: withValues, env, when, reads, edges, nodes: undefined }
}

const namesFile = (text: string) => text.includes('/') || /\.(csv|tsv|jsonl?|ndjson|txt|md|html?|pdf|ya?ml|parquet|xlsx|gguf|safetensors)$/i.test(text)

function ownCombinations(source: StageSource, path: YamlPath, pipeline: Pipeline, collector: Collector): readonly Labels[] {
  if (source.matrix === undefined) return [{}]
  if (source.matrix === 'unread') return []
  const range = pipeline.rangeOf([...path, 'matrix'], 'key')
  const own = combinations(source.matrix, mostNodes)
  if (!own) collector.error('too-many-nodes', range, `The matrix of "${source.id}" makes more than ${mostNodes.toLocaleString('en')} nodes.`, { hint: 'Drop values or axes, or list the combinations under `include:`.' })
  else if (own.length === 0) collector.error('bad-matrix', range, `The matrix of "${source.id}" leaves no combination.`, { hint: 'Its `exclude:` takes all of them away.' })
  return own ?? []
}

const none = () => {
  throw new Error('Internal: an input reads params, matrix and env alone')
}

function inputScope(pipeline: Pipeline, labels: Labels, absent: Readonly<Record<string, null>>): Scope {
  return { params: pipeline.params, matrix: { ...absent, ...labels }, env: name => pipeline.env[name] ?? null, secret: none, digest: none, metric: none }
}

/** Every axis that a node of the stage may have, as null: what `matrix.axis` is for a node that lacks it. */
export function absentAxes(all: readonly Labels[]): Readonly<Record<string, null>> {
  const absent: Record<string, null> = {}
  for (const labels of all) for (const axis in labels) absent[axis] = null
  return absent
}
