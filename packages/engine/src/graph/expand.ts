import type { Collector } from '../diagnostics/collector.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'
import { didYouMean, nearest } from '../diagnostics/suggestion.js'
import type { InputPort, OutputPorts } from '../plugin/define.js'
import type { RegisteredStage, Registry } from '../plugin/registry.js'
import type { InputSource, Pipeline } from '../source/pipeline.js'
import { bindStage, type Binding } from './binding.js'
import type { GraphNode, NodeId, NodeInput, Scalar } from './graph.js'
import { AxisIndex, commonAxes, type Labels } from './matrix.js'
import { possibleInputs } from '../plugin/possible-ports.js'
import { chooseOutput, fits, giversOf } from './ports.js'
import { labelText, membersMeant, type PortReference } from './reference.js'
import { absentAxes, mostNodes, type InputMember, type StageEntry, type StageInput, type StageRead } from './stage-entry.js'

/** More edges than this take longer to walk than any plan should. */
const mostEdges = 2_000_000

/** A node of another stage that a reference means, with the axes that it did not fix. */
interface Candidate {
  readonly node: GraphNode
  readonly labels: Labels
}

/** A combination in the making. */
interface Partial {
  readonly own: Labels
  readonly inherited: Labels
  readonly combination: number
}

/** A file, folder or model that a parameter names, for a port. */
export interface NamedForPort {
  readonly port: string
  readonly of: InputPort
  readonly member: Extract<NodeInput, { type: 'files' }>
}

type Lookup = (target: PortReference, member: InputMember) => AxisIndex<Candidate>

/**
 * Makes the nodes of stages, one after another, each after the stages that it refers to. Axes come in by single ports and by the
 * own matrix; a port that takes many ends those that nothing else brings.
 */
export class Expander {
  readonly #pipeline: Pipeline
  readonly #registry: Registry
  readonly #collector: Collector
  readonly #entries: ReadonlyMap<string, StageEntry>
  readonly #budget = { nodes: 0, edges: 0 }
  readonly #gathered = new WeakMap<readonly Candidate[], Map<string, readonly NodeInput[]>>()
  /** A reference means the same output of every node that has the same outputs. */
  readonly #chosen = new WeakMap<OutputPorts, Map<string, string | undefined>>()
  readonly #places = new WeakMap<SourceRange, number>()
  /** What the parameters of stages name that could not be expanded. */
  readonly named: NamedForPort[] = []
  #numbered = 0

  constructor(pipeline: Pipeline, registry: Registry, collector: Collector, entries: ReadonlyMap<string, StageEntry>) {
    this.#pipeline = pipeline
    this.#registry = registry
    this.#collector = collector
    this.#entries = entries
  }

  /** False when the file makes more than can be run: then nothing more should be expanded. */
  expand(entry: StageEntry): boolean {
    const { registered, source, path } = entry
    if (!registered) return true
    const typed = { ...entry, registered }
    const shapes = Object.fromEntries(entry.inputs.map(input => [input.port, input.shape]))
    const mustKnow = entry.inputs.filter(input => input.shape === 'one').flatMap(input => input.members)
    const isKnown = mustKnow.every(member => member.targets.length > 0 && member.targets.every(target => this.#entries.get(target.stage)?.nodes !== undefined)) && entry.own.length > 0

    // Which ports take many must be known before the axes are: it may rest on what is given, not on the matrix.
    const withoutMatrix = bindStage(typed, this.#pipeline, this.#registry, this.#collector, { absent: {}, matrixIsKnown: false })
    const early = typeof registered.definition.inputs === 'function' ? withoutMatrix.bound({}).inputPorts : registered.definition.inputs
    const isSingle = (input: StageInput) => input.shape === 'one' && !early[input.port]?.many
    this.#checkShapes(entry, shapes, early)

    const partials = isKnown ? this.#join(entry, isSingle) : undefined
    if (partials === 'too-many') return false
    if (!partials) {
      // The parameters can be checked all the same.
      const { inputPorts, files } = withoutMatrix.bound({})
      for (const [port, of] of Object.entries(inputPorts)) if (!of.optional && !files[port] && !(port in shapes)) this.#missing(typed, port, of)
      for (const [port, members] of Object.entries(files)) for (const member of members) this.named.push({ port, of: inputPorts[port]!, member })
      withoutMatrix.publish({})
      withoutMatrix.seed({})
      return true
    }
    if (partials.length === 0) {
      this.#collector.error('bad-matrix', this.#pipeline.rangeOf(path, 'key'), `No combination is left for "${source.id}".`, { hint: 'What comes in by its ports has no values of the shared axes in common.' })
      return true
    }
    this.#budget.nodes += partials.length
    if (this.#budget.nodes > mostNodes) {
      this.#collector.error('too-many-nodes', this.#pipeline.rangeOf(source.matrix ? [...path, 'matrix'] : path, 'key'), `With "${source.id}" the file makes ${this.#budget.nodes.toLocaleString('en')} nodes; at most ${mostNodes.toLocaleString('en')} can be run.`, { hint: 'Drop values or axes of a matrix.' })
      return false
    }
    entry.nodes = this.#makeNodes(typed, partials, isSingle, withoutMatrix.readsMatrix ? undefined : withoutMatrix)
    return entry.nodes !== undefined
  }

  #checkShapes({ source, path, inputs, registered }: StageEntry, shapes: Readonly<Record<string, 'one' | 'many'>>, ports: Readonly<Record<string, InputPort>>) {
    for (const { port, type } of inputs) {
      const range = this.#pipeline.rangeOf([...path, 'inputs', port], 'key')
      const of = Object.hasOwn(ports, port) ? ports[port]! : undefined
      if (!of) {
        const names = Object.keys(ports)
        this.#collector.error('unknown-port', range, `${registered!.definition.id} has no input "${port}".`, { hint: didYouMean(port, names, 'Its inputs are') ?? (port in source.with ? undefined : 'It takes no inputs; parameters stand under `with:`.') })
      } else if (shapes[port] === 'many' && !of.many) {
        this.#collector.error('port-shape', range, `"${port}" takes one; it is given a ${type}.`, { hint: `Write ${port}: ${firstOf(source.inputs[port])}.` })
      }
    }
  }

  /** Tells places of the file apart without asking where they are. */
  #place(range: SourceRange): number {
    const known = this.#places.get(range) ?? ++this.#numbered
    this.#places.set(range, known)
    return known
  }

  /** The nodes that a reference means, or undefined with an error. */
  #members(target: PortReference, member: InputMember): readonly Candidate[] {
    const nodes = this.#entries.get(target.stage)?.nodes ?? []
    if (!target.member) return nodes.map(node => ({ node, labels: node.labels }))
    const meant = membersMeant(target, nodes)
    if ('nodes' in meant) return meant.nodes.map(node => ({ node, labels: without(node.labels, target.member!) }))
    this.#collector.error('bad-reference', member.range, meant.problem, { hint: meant.hint })
    return []
  }

  /** Every combination of the own matrix with what agrees in the single ports. */
  #join(entry: StageEntry, isSingle: (input: StageInput) => boolean): Partial[] | undefined | 'too-many' {
    let all: Partial[] = []
    const singles = entry.inputs.filter(isSingle).map(input => input.members[0]!)
    const members = new Map<string, readonly Candidate[]>()
    const candidatesOf = (target: PortReference, member: InputMember) => {
      const key = `${this.#place(member.range)}\0${target.stage}\0${JSON.stringify(target.member)}`
      let known = members.get(key)
      if (!known) members.set(key, (known = this.#members(target, member)))
      return known
    }
    // Combinations that mean the same members in every port are joined as one.
    const groups = new Map<string, { targets: PortReference[]; partials: Partial[] }>()
    for (const [combination, own] of entry.own.entries()) {
      const targets = singles.map(member => member.target(combination))
      if (targets.includes(undefined)) return undefined
      const key = JSON.stringify(targets.map(target => [target!.stage, target!.member]))
      const group = groups.get(key) ?? { targets: targets as PortReference[], partials: [] }
      group.partials.push({ own, inherited: {}, combination })
      groups.set(key, group)
    }
    for (const { targets, partials } of groups.values()) {
      let joined = partials
      for (const [i, target] of targets.entries()) {
        const candidates = candidatesOf(target, singles[i]!)
        if (candidates.length === 0) return undefined
        if (candidates.length === 1 && Object.keys(candidates[0]!.labels).length === 0) continue
        const distinct = distinctLabels(candidates)
        const index = new AxisIndex(distinct, labels => labels, commonAxes(joined.map(allLabels)))
        const next: Partial[] = []
        for (const partial of joined) {
          for (const labels of index.agreeing(allLabels(partial))) {
            next.push({ ...partial, inherited: { ...partial.inherited, ...labels } })
            if (next.length > mostNodes) {
              this.#collector.error('too-many-nodes', this.#pipeline.rangeOf(entry.path, 'key'), `The axes that "${entry.source.id}" inherits make more than ${mostNodes.toLocaleString('en')} nodes.`, { hint: 'Axes of the same name are one axis; others multiply.' })
              return 'too-many'
            }
          }
        }
        joined = next
      }
      all = all.length === 0 ? joined : [...all, ...joined]
    }
    return all
  }

  #makeNodes(entry: StageEntry & { registered: RegisteredStage }, partials: readonly Partial[], isSingle: (input: StageInput) => boolean, made: Binding | undefined): readonly GraphNode[] | undefined {
    const { source, path, registered } = entry
    const collector = this.#collector
    const labelled = partials.map(({ own, inherited, combination }) => ({ labels: { ...inherited, ...own } as Record<string, Scalar>, combination }))
    const absent = absentAxes(labelled.map(({ labels }) => labels))
    const binding = made ?? bindStage(entry, this.#pipeline, this.#registry, collector, { absent, matrixIsKnown: true })
    const common = commonAxes(labelled.map(({ labels }) => labels))
    const lookup = this.#lookup(common)
    const nodes: GraphNode[] = []
    const ids = new Set<string>()
    const plainEdges: readonly NodeId[] = []
    // Ports whose references are wrong, so that nothing comes in by them.
    const misread = new Set<string>()

    for (const { labels, combination } of labelled) {
      const text = labelText(labels)
      const id = (text ? `${source.id}[${text}]` : source.id) as NodeId
      if (ids.has(id)) {
        collector.error('bad-matrix', this.#pipeline.rangeOf([...path, 'matrix'], 'key'), `Two combinations would both be ${id}.`, { hint: 'An entry of `include:` repeats a combination.' })
        continue
      }
      ids.add(id)
      const bound = binding.bound(labels)
      const inputs: Record<string, readonly NodeInput[]> = {}
      const after = new Set<NodeId>()
      const required = new Set<NodeId>()
      for (const port of Object.keys(bound.inputPorts)) {
        const of = bound.inputPorts[port]!
        const input = entry.inputs.find(i => i.port === port)
        if (bound.files[port]) inputs[port] = bound.files[port]
        else if (!input) {
          if (!of.optional) this.#missing(entry, port, of)
        } else if (isSingle(input) && !of.many) {
          const candidate = this.#one(input.members[0]!, combination, labels, lookup, id)
          if (!candidate) continue
          const output = this.#output(candidate.node, input.members[0]!, input.members[0]!.target(combination)!, port, of)
          if (output === undefined) continue
          inputs[port] = [{ type: 'output', node: candidate.node.id, port: output, label: '' }]
          required.add(candidate.node.id)
          after.add(candidate.node.id)
        } else if (of.many) {
          const before = collector.errors
          const lists = input.members.map(member => this.#many(member, combination, labels, lookup, port, of))
          const members = lists.length === 1 ? lists[0]! : lists.flat()
          if (members.length > 0) inputs[port] = members
          else if (collector.errors > before) misread.add(port)
          else if (!of.optional && !misread.has(port) && input.members.every(m => this.#isExpanded(m, combination))) {
            collector.error('missing-input', this.#pipeline.rangeOf([...path, 'inputs', port], 'key'), `Nothing comes in by "${port}" of ${id}.`, { hint: input.members.length === 0 ? 'Name at least one stage.' : 'No member of the stages that it names has the axes of this node.' })
          }
          for (const member of members) if (member.type === 'output') after.add(member.node)
        }
      }
      for (const need of entry.needs) {
        const target = need.target(combination)
        if (!target || !this.#entries.get(target.stage)?.nodes) continue
        for (const { node } of lookup(target, need).agreeing(labels)) {
          after.add(node.id)
          required.add(node.id)
        }
      }
      const reads: Record<string, NodeId> = {}
      for (const [text, read] of entry.reads) {
        const node = this.#readNode(text, read, labels, lookup, id)
        if (!node) continue
        reads[text] = node.id
        after.add(node.id)
        required.add(node.id)
      }
      const requiredList = required.size === 0 ? plainEdges : [...required]
      const afterList = after.size === required.size ? requiredList : [...after]
      this.#budget.edges += afterList.length
      if (this.#budget.edges > mostEdges) {
        collector.error('too-many-nodes', this.#pipeline.rangeOf(path, 'key'), `With "${source.id}" the nodes of the file have more than ${mostEdges.toLocaleString('en')} edges.`, { hint: 'Gather many members in one stage without a matrix, and refer to that.' })
        return undefined
      }
      const { when, condition } = binding.when(labels)
      const { env, deferredEnv } = binding.env(labels)
      const node = {
        id, source, stage: registered, labels,
        params: bound.params, deferred: bound.deferred,
        inputPorts: bound.inputPorts, outputPorts: bound.outputPorts ?? {},
        inputs, after: afterList, required: requiredList, reads, when, env, deferredEnv,
        seed: binding.seed(labels), publish: binding.publish(labels), resources: bound.resources,
      }
      nodes.push(condition === undefined ? node : { ...node, condition })
    }
    return nodes
  }

  /** Finds the members that a reference means for the labels of a node, by an index that is made once a reference. */
  #lookup(common: readonly string[]): Lookup {
    const known = new Map<string, AxisIndex<Candidate>>()
    return (target, member) => {
      const key = `${this.#place(member.range)}\0${target.stage}\0${JSON.stringify(target.member)}`
      let index = known.get(key)
      if (!index) known.set(key, (index = new AxisIndex(this.#members(target, member), candidate => candidate.labels, common)))
      return index
    }
  }

  #isExpanded(member: InputMember, combination: number): boolean {
    const target = member.target(combination)
    return target !== undefined && this.#entries.get(target.stage)?.nodes !== undefined
  }

  #one(member: InputMember, combination: number, labels: Labels, lookup: Lookup, id: NodeId): Candidate | undefined {
    const target = member.target(combination)
    if (!target || !this.#entries.get(target.stage)?.nodes) return undefined
    const found = lookup(target, member).agreeing(labels)
    // Axes that only some members have let several agree: meant is one that the node has its axes from, and of those the one that says most.
    if (found.length > 1) {
      const own = found.filter(candidate => Object.keys(candidate.labels).every(axis => axis in labels))
      const most = Math.max(...own.map(candidate => Object.keys(candidate.labels).length))
      const fullest = own.filter(candidate => Object.keys(candidate.labels).length === most)
      if (fullest.length === 1) return fullest[0]
      const best = fullest.length > 0 ? fullest : found
      this.#collector.error('ambiguous-member', member.range, `"${member.text}" means several nodes for ${id}: ${best.slice(0, 4).map(c => c.node.id).join(', ')}.`, { hint: `Name one, as in ${best[0]!.node.id}.` })
      return undefined
    }
    return found[0]
  }

  #many(member: InputMember, combination: number, labels: Labels, lookup: Lookup, port: string, of: InputPort): readonly NodeInput[] {
    const target = member.target(combination)
    if (!target || !this.#entries.get(target.stage)?.nodes) return []
    const candidates = lookup(target, member).agreeing(labels)
    // Nodes with the same axes that gather the same members share one list of them.
    const key = `${port}\0${this.#place(member.range)}\0${Object.keys(labels).join()}`
    const known = this.#gathered.get(candidates)?.get(key)
    if (known) return known
    const inputs: NodeInput[] = []
    for (const candidate of candidates) {
      const output = this.#output(candidate.node, member, target, port, of)
      if (output === undefined) continue
      const axes = labelText(without(candidate.labels, labels))
      inputs.push({ type: 'output', node: candidate.node.id, port: output, label: member.label && axes ? `${member.label}[${axes}]` : member.label || axes })
    }
    if (!this.#gathered.has(candidates)) this.#gathered.set(candidates, new Map())
    this.#gathered.get(candidates)!.set(key, inputs)
    return inputs
  }

  #output(node: GraphNode, member: InputMember, target: PortReference, port: string, of: InputPort): string | undefined {
    const key = `${port}\0${target.port ?? ''}\0${this.#place(member.range)}`
    let known = this.#chosen.get(node.outputPorts)
    if (!known) this.#chosen.set(node.outputPorts, (known = new Map()))
    // Where a stage's parameters are wrong its outputs may not be known; that has been said.
    if (!known.has(key)) {
      const isUnknown = Object.keys(node.outputPorts).length === 0 && typeof node.stage.definition.outputs === 'function' && this.#collector.errors > 0
      known.set(key, isUnknown ? undefined : chooseOutput(node.outputPorts, { port, of, stage: target.stage, named: target.port, range: member.range, definition: node.stage.definition, registry: this.#registry }, this.#collector))
    }
    return known.get(key)
  }

  #readNode(text: string, { range, target, ports }: StageRead, labels: Labels, lookup: Lookup, id: NodeId): GraphNode | undefined {
    if (!this.#entries.get(target.stage)?.nodes) return undefined
    const found = lookup(target, { label: '', range, text, target: () => target, targets: [target] }).agreeing(labels)
    if (found.length !== 1) {
      if (found.length > 1) this.#collector.error('ambiguous-member', range, `"${text}" has ${found.length} nodes for ${id}; an expression reads one.`, { hint: `Name one: stages['${found[0]!.node.id}'].` })
      else if (this.#entries.get(target.stage)!.nodes!.length > 0) this.#collector.error('ambiguous-member', range, `"${text}" has no node for ${id}.`, { hint: 'No member has the axes of this node.' })
      return undefined
    }
    const { node } = found[0]!
    for (const [port, range] of ports) {
      if (Object.hasOwn(node.outputPorts, port)) continue
      this.#collector.error('unknown-port', range, `"${target.stage}" has no output "${port}".`, { hint: didYouMean(port, Object.keys(node.outputPorts), 'Its outputs are') })
    }
    return node
  }

  #missing({ source, path, registered }: StageEntry & { registered: RegisteredStage }, port: string, of: InputPort) {
    // A mistyped port has been complained about, with this one as what was meant.
    const ports = Object.keys(possibleInputs(registered.definition).ports)
    if (Object.keys(source.inputs).some(given => !ports.includes(given) && nearest(given, ports) === port)) return
    const offers: string[] = []
    for (const { source: other, nodes } of this.#entries.values()) {
      const outputs = nodes?.[0]?.outputPorts ?? {}
      if (other.id === source.id) continue
      const fitting = Object.keys(outputs).filter(name => fits(of.kind, outputs[name]!.kind))
      if (fitting.length === 1 || fitting.includes(port)) offers.push(other.id)
      else for (const name of fitting) offers.push(`${other.id}.${name}`)
    }
    const param = Object.entries((registered.definition.params.schema.properties as Record<string, { artifact?: { port?: string } }> | undefined) ?? {}).find(([, schema]) => schema.artifact?.port === port)?.[0]
    const ways = [offers.length > 0 && `write inputs: { ${port}: ${offers[0]} }`, param !== undefined && `name it with: { ${param}: … }`].filter(Boolean).join(', or ')
    // What should have named it is missing or mistyped under `with`, which has been said.
    const { required = [] } = registered.definition.params.schema as { required?: readonly string[] }
    const written = Object.keys(source.with)
    if (written.includes(port) && param !== port) return
    if (param !== undefined && (required.includes(param) || written.includes(param) || written.some(key => nearest(key, [param]) === param))) return
    const hasInputs = Object.keys(source.inputs).length > 0
    const range = hasInputs ? this.#pipeline.rangeOf([...path, 'inputs'], 'key') : this.#pipeline.rangeOf([...path, 'uses'])
    this.#collector.error('missing-input', range, `${registered.definition.id} needs an input "${port}" of the kind ${of.kind.id}.`, { hint: ways ? `${ways[0]!.toUpperCase()}${ways.slice(1)}.` : giversOf(of.kind, this.#registry) })
  }
}

const firstOf = (input: InputSource | undefined): string => (input === undefined || input.type === 'one' ? undefined : Object.values(input.refs)[0]?.value) ?? 'stage'

const allLabels = ({ own, inherited }: Partial): Labels => ({ ...inherited, ...own })

function without(labels: Labels, axes: object): Labels {
  const rest: Record<string, Scalar> = {}
  for (const axis in labels) if (!(axis in axes)) rest[axis] = labels[axis]!
  return rest
}

/** Each set of labels once, in order. */
function distinctLabels(candidates: readonly Candidate[]): Labels[] {
  const seen = new Map<string, Labels>()
  for (const { labels } of candidates) {
    const key = labelText(labels)
    if (!seen.has(key)) seen.set(key, labels)
  }
  return [...seen.values()]
}
