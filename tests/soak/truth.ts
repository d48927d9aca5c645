// What a world comes to, computed here and not by the engine: its nodes, what each leaves byte for byte, and what tells two pieces of work apart.
import type { Ref, Stage, World } from './world.js'

export interface Node {
  readonly name: string
  readonly isSkipped: boolean
  readonly isCached: boolean
  /** Two nodes with the same are the same work: of all that ever ran in a store, only one of them had to. */
  readonly identity: string
  readonly out: string
  readonly side: string
  readonly metric: number
}

interface Made extends Node {
  readonly labels: Readonly<Record<string, number>>
  readonly values: Readonly<Record<'out' | 'side', readonly number[]>>
}

export function nodesOf(world: World): readonly Node[] {
  const made = new Map<number, readonly Made[]>()
  for (const stage of world.stages) made.set(stage.id, combinations(stage, made).map(labels => makeNode(world, stage, labels, made)))
  return [...made.values()].flat()
}

/** In the order of the engine, which is that of the members of a port: the own axis turns slowest, then what comes in by one port after another. */
function combinations(stage: Stage, made: ReadonlyMap<number, readonly Made[]>): Record<string, number>[] {
  const own = stage.axis.length > 0 ? stage.axis.map(value => ({ [`k${stage.id}`]: value })) : [{}]
  return own.flatMap(own => {
    let inherited: Record<string, number>[] = [{}]
    for (const { ref } of stage.ports) inherited = inherited.flatMap(labels => made.get(ref.stage)!.filter(node => agrees(node.labels, labels)).map(node => ({ ...labels, ...node.labels })))
    return inherited.map(labels => ({ ...labels, ...own }))
  })
}

const agrees = (a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>) => Object.keys(a).every(axis => !(axis in b) || a[axis] === b[axis])
const written = (labels: Readonly<Record<string, number>>) => Object.entries(labels).map(([axis, value]) => `${axis}=${value}`).join(',')
const rows = (values: readonly number[]) => values.map(v => `${JSON.stringify({ v })}\n`).join('')

function hash(text: string): number {
  let n = 7
  for (const sign of text) n = (n * 31 + sign.charCodeAt(0)) % 1009
  return n
}
const folded = (values: readonly number[]) => values.reduce((n, v) => n * 3 + v, 0) % 1009

function makeNode(world: World, stage: Stage, labels: Readonly<Record<string, number>>, made: ReadonlyMap<number, readonly Made[]>): Made {
  const of = (id: number) => made.get(id)!.filter(node => agrees(node.labels, labels))
  const param = (i: number) => world.params[i % world.params.length]!
  const single = stage.ports.map(({ name, ref }) => ({ name, port: ref.port, node: of(ref.stage)[0]! }))
  const members = stage.many.flatMap(({ label, ref }) => of(ref.stage).map(node => ({ label: memberLabel(stage.isLabelled ? label : '', node, labels), ref, node })))
  const many = members.filter(({ node }) => !node.isSkipped)
  const condition = stage.when && ('param' in stage.when.of ? { isSkipped: false, value: param(stage.when.of.param) } : { isSkipped: of(stage.when.of.stage)[0]!.isSkipped, value: of(stage.when.of.stage)[0]!.metric })
  const name = `${stage.name}${Object.keys(labels).length > 0 ? `[${written(labels)}]` : ''}`
  const isSkipped =
    single.some(({ node }) => node.isSkipped) ||
    stage.needs.some(id => of(id).some(node => node.isSkipped)) ||
    (members.length > 0 && many.length === 0) ||
    (condition !== undefined && (condition.isSkipped || condition.value <= stage.when!.over))

  const add = typeof stage.add === 'number' ? stage.add : stage.add === 'axis' ? labels[`k${stage.id}`]! : param(stage.add.param)
  const word = stage.word ?? 'w'
  const seed = stage.seed ?? world.seed ?? 0
  const env = stage.env ?? world.env
  const files = stage.file === undefined ? [] : (stage.file === 'all' ? [...world.data].sort((a, b) => (a.name < b.name ? -1 : 1)) : [world.data[stage.file]!])
    .map(({ name, lines }) => ({ name: stage.file === 'all' ? `${name}.txt` : '.txt', text: lines.join('\n') }))
  const values = (ref: { port: Ref['port']; node: Made }) => ref.node.values[ref.port]
  const singles = Object.fromEntries(single.map(({ name, port, node }) => [name, values({ port, node })]))
  const gathered = many.map(({ label, ref, node }) => ({ label, values: values({ port: ref.port, node }) }))
  const reached = world.code.functions.filter((_, i) => i === 0 || i === (stage.uses === 'mix' ? 1 : 2))

  let n = add * 3 + hash(word) + seed * 5 + hash(env ?? '') + 7 * folded(singles['a'] ?? []) + 11 * folded(singles['b'] ?? [])
  for (const [i, member] of gathered.entries()) n += hash(member.label) * (i + 1) + 13 * (i + 2) * folded(member.values)
  for (const [i, file] of files.entries()) n += hash(file.name) * (i + 1) + hash(file.text)
  const [c0, c1, c2] = world.code.functions.map(f => f.constant) as [number, number, number]
  const out = [0, 1, 2].map(i => ((stage.uses === 'mix' ? n * (i + 1) + c1 : n * 3 + c2 - i) + c0) % stage.mod)
  return {
    name, labels, isSkipped, isCached: stage.isCached,
    identity: JSON.stringify([stage.uses, reached, add, stage.mod, word, seed, env ?? null, files, singles['a'] ?? null, singles['b'] ?? null, gathered]),
    values: { out, side: [add] }, out: rows(out), side: rows([add]), metric: out.reduce((sum, v) => sum + v, 0),
  }
}

function memberLabel(label: string, node: Made, labels: Readonly<Record<string, number>>): string {
  const own = written(Object.fromEntries(Object.entries(node.labels).filter(([axis]) => !(axis in labels))))
  return label && own ? `${label}[${own}]` : label || own
}
