import { posix } from 'node:path'
import { digestOfEncoded, digestOfJson, encodeComponent } from '../artifacts/digest.js'
import type { ArtifactStore, Component, Digest, Json, JsonObject, OutputRecord } from '../artifacts/types.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { GraphNode, NodeId, NodeInput } from '../graph/graph.js'
import type { InputPort, KindDefinition } from '../plugin/define.js'
import type { RegisteredMember, RegisteredStage, Registry } from '../plugin/registry.js'
import { membersNamed } from '../graph/members.js'
import { findNamed, namedQuestion } from './named-files.js'
import type { OutsideData } from './outside-data.js'
import type { References } from './references.js'
import type { BoundNode, FingerprintOutcome, NamedArtifact, NamedFiles, RequestInput } from './types.js'

/** Raised when the meaning of a component changes: nothing that was stored before is found again. */
export const keySchema = 1

/** The component for what the probe of a stage said. */
export const outsideData = 'outside data'

export interface FingerprintContext {
  readonly store: ArtifactStore
  readonly registry: Registry
  readonly projectRoot: string
  /** By port, what a node left; `skipped`; undefined while it is not known. */
  readonly outputsOf: (node: NodeId) => Readonly<Record<string, OutputRecord>> | 'skipped' | undefined
  /** Resolves what waits for digests and secrets; undefined while a digest is not known. */
  readonly bind: (node: GraphNode) => BoundNode | undefined
  /** From `--backend` or `HONE_BACKEND`; a parameter `backend` goes before it. */
  readonly backend?: string
  readonly shared: SharedLookups
  readonly outside: OutsideData
  /** Without it only paths can be named. */
  readonly references?: References
  /** `once`: all nodes see the files as the first of them did, for a plan. `anew`: each looks again, for a run that takes its time. */
  readonly files: 'once' | 'anew'
}

/** What the nodes of one plan or run ask for again and again: code digests, and the files that parameters name. */
export interface SharedLookups {
  readonly codes: Map<Coded, Digest | undefined | Promise<Digest | undefined>>
  readonly named: Map<string, Promise<NamedFiles>>
}

export const sharedLookups = (): SharedLookups => ({ codes: new Map(), named: new Map() })

/** What a node's key is made of, as far as it is known. Reads files through the stat index and nothing else. */
export async function fingerprint(node: GraphNode, context: FingerprintContext): Promise<FingerprintOutcome> {
  const { definition } = node.stage
  const components: Component[] = [
    { name: 'key schema', value: keySchema },
    { name: 'uses', value: definition.id },
    { name: 'version', value: definition.version },
    { name: 'seed', value: node.seed },
    { name: 'outputs', value: kindsOf(node.outputPorts) },
  ]
  const ports: Component[] = []
  const inputs: Record<string, readonly RequestInput[]> = {}
  const waitsFor = new Set<NodeId>()
  const diagnostics: Diagnostic[] = []

  for (const port of Object.keys(node.inputs).sort()) {
    const members = node.inputs[port] ?? []
    const of = node.inputPorts[port]
    if (!of) throw new Error(`Internal: ${node.id} has no port ${port}`)
    if (members.some(m => m.type === 'files')) {
      const named = await namedInputs(members.filter(m => m.type === 'files'), port, of, context, diagnostics)
      components.push({ name: `files ${port}`, value: named.content })
      inputs[port] = named.inputs
      continue
    }
    const arrived = await upstreamInputs(node, port, members.filter(m => m.type === 'output'), of, context, waitsFor, diagnostics)
    if (arrived.length === 0 && members.length > 0) continue
    ports.push({ name: `input ${port}`, value: arrived.map(({ label, kind, digest }) => ({ label, kind, digest })) })
    inputs[port] = arrived
  }
  if (diagnostics.length > 0) return { type: 'blocked', diagnostics }

  const bound = context.bind(node)
  if (!bound) for (const id of node.after) if (context.outputsOf(id) === undefined) waitsFor.add(id)
  if (!bound && waitsFor.size === 0) throw new Error(`Internal: ${node.id} waits for nothing and cannot be bound`)

  const determinism = typeof definition.determinism === 'function' ? definition.determinism(node.params) : definition.determinism
  if (bound) {
    const written = withoutNamed(bound.template, node)
    // What computes stands in the engine's component, and a hit of another engine is kept.
    if (determinism === 'platform') delete written.backend
    components.push({ name: 'params', value: written }, { name: 'env', value: bound.envTemplate })
  }
  const uncached: string[] = []
  const outside = bound && definition.probe ? await context.outside.at(node, bound) : undefined
  if (outside?.type === 'at') components.push({ name: outsideData, value: outside.value })
  if (outside?.type === 'unknown') uncached.push(outside.because)
  for (const { name, what, code } of codesOf(node, context.registry)) {
    const found = codeDigest(code, context.shared)
    const digest = found instanceof Promise ? await found : found
    if (digest !== undefined) components.push({ name, value: digest })
    else {
      const fault = code.codeFault?.()
      uncached.push(`the code that ${what} runs cannot be followed${fault ? ` (${fault})` : ''}, so nothing of it is kept`)
    }
  }
  const encoded = components.map(encodeComponent)
  let known: Digest | undefined
  const staticKey = () => (bound && uncached.length === 0 ? (known ??= digestOfEncoded(encoded)) : undefined)
  if (determinism === 'platform') ports.push({ name: 'engine', value: `${definition.engine?.(node.params, backendOf(node, context.backend)) ?? 'node'} ${process.arch}` })

  const all = [...components, ...ports]
  if (!bound || waitsFor.size > 0) return { type: 'waiting', for: [...waitsFor], staticKey, components: all }
  const key = uncached.length > 0 ? undefined : digestOfEncoded([...encoded, ...ports.map(encodeComponent)])
  const ready = { type: 'ready', key, staticKey, components: all, params: bound.params, env: bound.env, inputs } as const
  if (outside?.type !== 'at' && uncached[0] === undefined) return ready
  return {
    ...ready,
    ...(outside?.type === 'at' && outside.asOf !== undefined && { note: `outside data as of ${outside.asOf.slice(0, 16).replace('T', ' ')} UTC` }),
    ...(outside?.type === 'at' && outside.warning !== undefined && { warning: outside.warning }),
    ...(uncached[0] !== undefined && { uncached: uncached[0] }),
  }
}

function kindsOf(ports: GraphNode['outputPorts']): JsonObject {
  const kinds: Record<string, string> = {}
  for (const port in ports) kinds[port] = ports[port]!.kind.id
  return kinds
}

/** Where numbers are computed, if the pipeline or the command line says so. */
export function backendOf(node: GraphNode, given: string | undefined): string | undefined {
  return typeof node.params.backend === 'string' ? node.params.backend : given
}

/** Of inputs that parameters named, those that are no longer what they were when the key was made: their result must not be kept. */
export async function changedSince(node: GraphNode, inputs: Readonly<Record<string, readonly RequestInput[]>>, context: FingerprintContext): Promise<string[]> {
  const changed: string[] = []
  for (const port of Object.keys(inputs)) {
    const members = (node.inputs[port] ?? []).filter(m => m.type === 'files')
    const of = node.inputPorts[port]
    if (members.length === 0 || !of) continue
    const now = await namedInputs(members, port, of, { ...context, files: 'anew' }, [])
    const before = inputs[port] ?? []
    for (const input of before) if (!now.inputs.some(i => i.path === input.path && i.digest === input.digest)) changed.push(input.reference ?? input.path)
    for (const input of now.inputs) if (!before.some(i => i.path === input.path)) changed.push(input.reference ?? input.path)
  }
  return [...new Set(changed)]
}

type Coded = RegisteredStage | RegisteredMember

/** Whose code a node runs: that of its stage, and of what plugins provide and its parameters name. */
function codesOf({ stage, params }: GraphNode, registry: Registry): { name: string; what: string; code: Coded }[] {
  const members = membersNamed(stage.definition, params).flatMap(({ token, name }) => {
    const code = registry.member(token.name, name)
    return code ? [{ name: `${token.name} ${name}`, what: `the ${token.name} ${name}`, code }] : []
  })
  return [{ name: 'code', what: stage.definition.id, code: stage }, ...members]
}

/**
 * What the rows are kept under that a node's stage remembers: which stage it is, as several may have one file, its version and all code that it runs.
 * Undefined where some of that has no digest.
 */
export async function memoDigest(node: GraphNode, { registry, shared }: FingerprintContext): Promise<Digest | undefined> {
  const { id, version } = node.stage.definition
  const codes = await Promise.all(codesOf(node, registry).map(async ({ name, code }) => [name, await codeDigest(code, shared)] as const))
  return codes.some(([, digest]) => digest === undefined) ? undefined : digestOfJson([id, version, ...codes] as Json)
}

function codeDigest(code: Coded, { codes }: SharedLookups): Digest | undefined | Promise<Digest | undefined> {
  if (!codes.has(code)) {
    const asked = code.codeDigest() as Promise<Digest | undefined>
    codes.set(code, asked.then(digest => (codes.set(code, digest), digest)))
  }
  return codes.get(code)
}

type FilesInput = Extract<NodeInput, { type: 'files' }>
type OutputInput = Extract<NodeInput, { type: 'output' }>

async function namedInputs(
  members: readonly FilesInput[],
  name: string,
  port: InputPort,
  context: FingerprintContext,
  diagnostics: Diagnostic[],
): Promise<{ inputs: RequestInput[]; content: Json }> {
  const inputs: RequestInput[] = []
  const found: { member: FilesInput; artifact: NamedArtifact | undefined; content: Json }[] = []
  const prefixes = new Set<string>()
  const seen = new Set<string>()
  for (const member of members) {
    const question = namedQuestion(member, name, port)
    let answer = context.files === 'once' ? context.shared.named.get(question) : undefined
    if (!answer) {
      answer = findNamed({ port: name, reference: member.reference, glob: member.glob, kind: port.kind, view: port.view }, context.projectRoot, context.store, context.references)
      context.shared.named.set(question, answer)
    }
    const named = await answer
    if (named.type === 'problem') {
      diagnostics.push({ code: named.code, severity: 'error', message: named.message, range: member.range, hint: named.hint })
      continue
    }
    for (const artifact of named.artifacts) {
      if (seen.has(artifact.path)) continue
      seen.add(artifact.path)
      inputs.push({
        kind: port.kind.id,
        path: artifact.path,
        digest: artifact.digest,
        label: member.label,
        reference: member.reference,
        logicalName: artifact.logicalName,
      })
      if (artifact.prefix !== undefined) prefixes.add(posix.normalize(`${artifact.prefix}/`))
      found.push({ member, artifact, content: artifact.content })
    }
    if (isReferenceKeyed(member, port)) found.push({ member, artifact: undefined, content: { reference: member.reference } })
  }
  const content = found.map(({ member, artifact, content }): Json => {
    if (artifact === undefined) return content
    // A file that goes from the folder of one pattern to that of another keeps its name, and not the place where a command may look for it.
    const placed = prefixes.size > 1 && artifact.prefix !== undefined ? { ...(content as JsonObject), name: posix.join(artifact.prefix, artifact.logicalName) } : content
    return member.label === '' ? placed : { label: member.label, content: placed }
  })
  return { inputs, content }
}

const isReferenceKeyed = (member: FilesInput, port: InputPort): boolean => member.keyed ?? (port.kind.form === 'folder' && !member.glob)

async function upstreamInputs(
  node: GraphNode,
  port: string,
  members: readonly OutputInput[],
  of: InputPort,
  context: FingerprintContext,
  waitsFor: Set<NodeId>,
  diagnostics: Diagnostic[],
): Promise<RequestInput[]> {
  const arrived: RequestInput[] = []
  for (const member of members) {
    const outputs = context.outputsOf(member.node)
    if (outputs === undefined) waitsFor.add(member.node)
    if (outputs === undefined || outputs === 'skipped') continue
    const output = outputs[member.port]
    if (!output) {
      diagnostics.push({
        code: 'absent-output',
        severity: 'error',
        message: `${member.node} left no "${member.port}", which "${port}" of ${node.id} takes`,
        hint: `An output without rows is absent: see what ${member.node} reports, or take "${port}" out.`,
      })
      continue
    }
    const digest = await viewDigest(output, of, context)
    arrived.push({ kind: output.kind, path: context.store.pathOf(output), digest, label: member.label })
  }
  return arrived
}

/** The digest of what counts of an artifact at a port: of a model's tokenizer alone, say. */
async function viewDigest(output: OutputRecord, port: InputPort, { store, registry }: FingerprintContext): Promise<Digest> {
  if (output.form === 'file') return output.digest
  const kind: KindDefinition = output.kind === port.kind.id ? port.kind : (registry.kind(output.kind) ?? port.kind)
  if (!kind.files) return output.digest
  const entries = await store.entries(output)
  const counting = new Set(kind.files(entries.map(e => e.path), port.view))
  const files: Record<string, Digest> = {}
  for (const entry of entries) if (counting.has(entry.path)) files[entry.path] = entry.digest
  return digestOfJson(files)
}

/** The parameters without those that name files: their content stands in the key instead. */
function withoutNamed(params: JsonObject, node: GraphNode): Record<string, Json> {
  const pointers = new Set<string>()
  for (const members of Object.values(node.inputs)) for (const member of members) if (member.type === 'files') pointers.add(member.param)
  let rest: Json = params
  for (const pointer of pointers) rest = without(rest, pointer.split('/').map(part => part.replaceAll('~1', '/').replaceAll('~0', '~')))
  return { ...(rest as JsonObject) }
}

/** A list keeps a hole, so that the pointers behind it still fit; how many patterns found the files does not matter. */
function without(value: Json, [first, ...rest]: readonly string[]): Json {
  if (first === undefined || value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) {
    const items = value.map((item: Json, i) => (String(i) !== first ? item : rest.length > 0 ? without(item, rest) : null))
    return items.every(item => item === null) ? [] : items
  }
  const { [first]: named, ...others } = value as JsonObject
  if (named === undefined) return value
  return rest.length > 0 ? { ...others, [first]: without(named, rest) } : others
}
