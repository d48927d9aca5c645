// What a world comes to, computed here and not by the engine: its nodes, what each leaves byte for byte, and what tells two pieces of work apart.
import { createHash } from 'node:crypto'
import { outsideText } from './files.js'
import { agrees, axesOf, labelsOf, meantBy, restOf, type Labels, type Ref, type Stage, type World } from './world.js'

export interface Node {
  readonly name: string
  readonly stage: string
  /** The nodes that it comes after. */
  readonly after: readonly string[]
  readonly isSkipped: boolean
  readonly isCached: boolean
  readonly isFragile: boolean
  /** Whether it asks for data from outside, of which a plan only knows what was told last. */
  readonly isAsking: boolean
  readonly attempts: number
  /** Two nodes with the same are the same work: of all that ever ran in a store, only one of them had to. */
  readonly identity: string
  readonly out: string
  readonly side: string
  /** Every file of it by its path, as `boxText` writes them. */
  readonly box: string
  readonly publish: Stage['publish']
}

/** What comes in by a port: what of it is in the key, and its numbers. */
interface Artifact {
  readonly kind: string
  readonly text: string
  readonly numbers: readonly number[]
}

/** The files of a folder as one text. */
export const boxText = (files: Readonly<Record<string, string>>): string => Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) => `${name}=${text}`).join(';')

interface Made extends Node {
  readonly labels: Labels
  readonly artifacts: Readonly<Record<Ref['port'], Artifact>>
  readonly metric: number
}

export function nodesOf(world: World): readonly Node[] {
  const made = new Map<number, readonly Made[]>()
  for (const stage of world.stages) made.set(stage.id, labelsOf(world, stage).map(labels => makeNode(world, stage, labels, made)))
  return [...made.values()].flat()
}

const written = (labels: Labels) => Object.entries(labels).map(([axis, value]) => `${axis}=${value}`).join(',')
const rows = (values: readonly object[]) => values.map(row => `${JSON.stringify(row)}\n`).join('')
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** What a stage is given, whatever it does with it. */
interface Given {
  readonly add: number
  readonly word: string
  readonly seed: number
  readonly variable: string | undefined
  /** By the name that the stage sees. */
  readonly files: readonly { readonly name: string; readonly text: string }[]
  readonly single: readonly { readonly port: 'a' | 'b' | 'c'; readonly artifact: Artifact }[]
  readonly many: readonly { readonly label: string; readonly artifact: Artifact }[]
  readonly boxes: Given['many']
}

function makeNode(world: World, stage: Stage, labels: Labels, made: ReadonlyMap<number, readonly Made[]>): Made {
  const of = (id: number) => made.get(id)!.filter(node => agrees(node.labels, labels))
  const one = (id: number) => of(id)[0]!
  const param = (i: number) => (world.set?.param === i % world.params.length ? world.set.value : world.params[i % world.params.length]!)
  const meant = (ref: Ref, label = '') =>
    made.get(ref.stage)!.filter(node => meantBy(ref)(node.labels) && agrees(restOf(ref, node.labels), labels)).map(node => ({ label: memberLabel(label, restOf(ref, node.labels), labels), node, artifact: node.artifacts[ref.port] }))
  const single = stage.ports.map(({ name, ref }) => ({ port: name, ...meant(ref)[0]! }))
  const [gathered, packed] = [stage.many.flatMap(({ label, ref }) => meant(ref, stage.isLabelled ? label : '')), stage.boxes.flatMap(ref => meant(ref))]
  const present = (members: typeof gathered) => members.filter(({ node }) => !node.isSkipped)
  const [many, boxes] = [present(gathered), present(packed)]
  const read = typeof stage.word === 'object' ? [one(stage.word.digestOf.stage)] : []
  const condition = conditionOf(stage, one, param)
  const required = [...single.map(({ node }) => node), ...stage.needs.flatMap(of), ...read, ...condition.reads]

  const given: Given = {
    add: typeof stage.add === 'number' ? stage.add : stage.add === 'axis' ? labels[`k${stage.id}`]! : param(stage.add.param),
    word: wordOf(world, stage, labels, one),
    seed: stage.seed ?? world.seed ?? 0,
    variable: declared(world, stage),
    files: stage.file === undefined ? [] : (stage.file === 'all' ? [...world.data].sort((a, b) => (a.name < b.name ? -1 : 1)) : [world.data[stage.file]!])
      .map(({ name, lines }) => ({ name: `${name}.txt`, text: lines.join('\n') })),
    single, many, boxes,
  }
  const inKey = ({ kind, text }: Artifact) => [kind, text]
  const { uses, isFragile, secret } = stage
  const singles = Object.fromEntries(single.map(({ port, artifact }) => [port, inKey(artifact)]))
  const { add, word, seed, variable, files } = given
  // The command of a shell names its ports in their order, and its file.
  const own = uses === 'shell' ? [single.map(({ port }) => port), many.length > 0, boxes.length > 0, typeof stage.file === 'number' ? world.data[stage.file]!.name : stage.file] : pluginIdentity(world, stage)
  const { out, metric } = uses === 'shell' ? { out: shellRows(given, stage), metric: 0 } : pluginRows(world, stage, given)
  const side = rows([{ v: add }])
  const taken = single.find(({ port }) => port === 'c')?.artifact.numbers[0]
  const box = boxText({ 'v.txt': `${add}\n`, 'link.txt': `${add}\n`, 'same.txt': 'same\n', empty: '', 'deep/er/out.jsonl': out, ...(taken !== undefined && { 'c.txt': `${taken}\n` }) })
  return {
    name: `${stage.name}${Object.keys(labels).length > 0 ? `[${written(labels)}]` : ''}`, stage: stage.name, labels,
    after: [...required, ...[...gathered, ...packed].map(({ node }) => node)].map(node => node.name),
    isSkipped: required.some(node => node.isSkipped) || (gathered.length > 0 && many.length === 0) || (packed.length > 0 && boxes.length === 0) || !condition.holds(),
    isCached: stage.isCached, isFragile, isAsking: uses === 'fetch', attempts: stage.attempts || world.attempts, publish: stage.publish,
    identity: JSON.stringify([uses, own, add, word, seed, variable ?? null, isFragile, secret ?? null, files, singles['a'] ?? null, singles['b'] ?? null, singles['c'] ?? null, ...[many, boxes].map(members => members.map(({ label, artifact }) => [label, inKey(artifact)]))]),
    out, side, box, metric,
    artifacts: {
      out: { kind: uses === 'shell' ? 'rows' : 'numbers', text: out, numbers: out.trimEnd().split('\n').map(line => (JSON.parse(line) as { v: number }).v) },
      side: { kind: uses === 'shell' ? 'rows' : world.code.sideKind, text: side, numbers: [add] },
      box: { kind: uses === 'shell' ? 'folder' : 'box', text: box, numbers: [add] },
    },
  }
}

function memberLabel(label: string, rest: Labels, labels: Labels): string {
  const own = written(Object.fromEntries(Object.entries(rest).filter(([axis]) => !(axis in labels))))
  return label && own ? `${label}[${own}]` : label || own
}

function conditionOf({ when }: Stage, one: (id: number) => Made, param: (i: number) => number): { reads: readonly Made[]; holds: () => boolean } {
  if (!when) return { reads: [], holds: () => true }
  const { of, over } = when
  if ('param' in of) return { reads: [], holds: () => param(of.param) > over }
  const node = one('stage' in of ? of.stage : of.digestOf.stage)
  return { reads: [node], holds: () => ('stage' in of ? node.metric : Number.parseInt(sha256(node[of.digestOf.port])[0]!, 16)) > over }
}

/** What it declares of E, else what the defaults do. */
const declared = (world: World, { env }: Stage) => (typeof env === 'object' ? world.outerEnv : (env ?? world.env))

function wordOf(world: World, stage: Stage, labels: Labels, one: (id: number) => Made): string {
  const { word, uses } = stage
  if (typeof word === 'object') return sha256(one(word.digestOf.stage)[word.digestOf.port])
  if (word === 'axes') return ['axes', ...axesOf(world, stage).map(axis => `${axis}=${labels[axis] ?? ''}`)].join(' ')
  if (word === 'variable') return declared(world, stage) ?? world.outerEnv
  return word ?? (uses === 'shell' ? '' : world.code.defaultWord)
}

function hash(text: string): number {
  let n = 7
  for (const sign of text) n = (n * 31 + sign.charCodeAt(0)) % 1009
  return n
}
const folded = (values: readonly number[]) => values.reduce((n, v) => n * 3 + v, 0) % 1009

/** Of the code what the stage reaches, as it is written. */
function pluginIdentity({ code, outside }: World, { uses, mod, rounds, source }: Stage): unknown[] {
  const reached = code.functions.filter((_, i) => i === 0 || (uses !== 'fetch' && i === (uses === 'mix' || uses === 'grow' ? 1 : 2)))
  return [code.version, code.sideKind, reached, mod, uses === 'grow' ? rounds : null, uses === 'fetch' ? [source, outside[source]] : null]
}

function pluginRows(world: World, { uses, mod, rounds, source }: Stage, { add, word, seed, variable, files, single, many, boxes }: Given): { out: string; metric: number } {
  const numbersOf = (port: 'a' | 'b') => single.find(s => s.port === port)?.artifact.numbers ?? []
  let n = add * 3 + hash(word) + seed * 5 + hash(variable ?? '') + 7 * folded(numbersOf('a')) + 11 * folded(numbersOf('b'))
  for (const { port, artifact } of single) if (port === 'c') n += hash(artifact.text)
  for (const [i, { label, artifact }] of many.entries()) n += hash(label) * (i + 1) + 13 * (i + 2) * folded(artifact.numbers)
  for (const [i, { label, artifact }] of boxes.entries()) n += hash(label) * (i + 1) + hash(artifact.text)
  for (const [i, { name, text }] of files.entries()) n += hash(name) * (i + 1) + hash(text)
  const [c0, c1, c2] = world.code.functions.map(f => f.constant) as [number, number, number]
  const values = [0, 1, 2].map(i => {
    if (uses === 'mix') return (n * (i + 1) + c1 + c0) % mod
    if (uses === 'fetch') return (n + i + hash(outsideText(world.outside[source]!)) + c0) % mod
    if (uses === 'twist') return (n * 3 + c2 - i + c0) % mod
    if (uses === 'rowwise') return (((n % 5) + i) * 3 + c2 + c0) % mod
    let state = n
    for (let round = 0; round < rounds; round++) state = (state * 2 + c1 + c0) % mod
    return state + i
  })
  return { out: rows(values.map(v => ({ v }))), metric: values.reduce((sum, v) => sum + v, 0) }
}

function shellRows({ add, word, variable, files, single, many, boxes }: Given, stage: Stage): string {
  const lineOf = ({ text }: Artifact, i: number) => text.split('\n').slice(0, -1).slice(i, i + 1).map(line => `${line}\n`).join('')
  return [
    ...single.map(({ port, artifact }) => (port === 'c' ? rows([{ v: artifact.numbers[0], from: 'c' }]) : lineOf(artifact, 0))),
    rows(stage.many.length > 0 ? many.map(({ label }) => ({ v: 0, label })) : []),
    ...many.map(({ artifact }) => lineOf(artifact, 1)),
    ...boxes.map(({ artifact }) => rows([{ v: artifact.numbers[0], from: 'box' }])),
    ...files.map(({ text }) => rows(text.split('\n').map((line, i) => ({ v: i + 1, line })))),
    rows([{ v: add, word, env: variable ?? '' }]),
  ].join('')
}
