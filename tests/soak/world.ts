// A pipeline as the soak thinks of it: what edits change, files show and the truth is computed from. Knows nothing of files or of hone.

/** An output of an earlier stage: `box` is a folder. `member`: of those of its nodes alone that have these values. */
export interface Ref {
  readonly stage: number
  readonly port: 'out' | 'side' | 'box'
  readonly member?: Labels
}
export type File = Exclude<Ref['port'], 'box'>

/** Where a number of a stage comes from: it is written there, or it is a parameter of the pipeline, or the stage's own axis. */
export type Value = number | { readonly param: number } | 'axis'

/** A text that is written there, or the digest of an earlier stage's output, or the variable E as the stage sees it, or the values of all axes. */
export type Word = string | { readonly digestOf: Ref & { readonly port: File } } | 'variable' | 'axes'

/** Values of axes. In a stage's own matrix they are called `k`, `j` and, where only `include` brings it, `x`; elsewhere the stage's number is behind. */
export type Labels = Readonly<Record<string, number>>

/** A condition: that a parameter or the metric of an earlier stage is above `over`, or that the first digit of a digest is. */
export interface Condition {
  readonly of: { readonly param: number } | { readonly stage: number } | { readonly digestOf: Ref & { readonly port: File } }
  readonly over: number
}

/** `rowwise` computes through the row memo, `grow` goes on from earlier results of its own, `fetch` reads what a probe says, `shell` is command/shell. */
export const kindsOfStage = ['mix', 'twist', 'rowwise', 'grow', 'shell', 'fetch'] as const

export interface Stage {
  /** Never changes; refs mean it. Its name may change. */
  readonly id: number
  name: string
  uses: (typeof kindsOfStage)[number]
  /** Single ports, in the order of the file: `c` takes a folder. */
  ports: { name: 'a' | 'b' | 'c'; ref: Ref }[]
  /** With labels it is a map, else a list. */
  many: { label: string; ref: Ref }[]
  isLabelled: boolean
  /** The folders that one port takes. */
  boxes: Ref[]
  needs: number[]
  add: Value
  /** Not for `shell`. */
  mod: number
  /** For `grow` alone; under the others it is a parameter that is dropped. */
  rounds: number
  /** For `fetch` alone: which of the outside data. */
  source: number
  word: Word | undefined
  /** A data file, all of them by a glob, or none. */
  file: number | 'all' | undefined
  seed: number | undefined
  /** What it declares of E: a value, or that it is passed on from whoever starts hone. */
  env: string | { readonly isPassed: true } | undefined
  /** Where it reads the secret, if it does. What the secret is does not matter. */
  secret: 'env' | 'with' | undefined
  isCached: boolean
  /** The values of `k`; without any there is no matrix. */
  axis: number[]
  /** Those of `j`, if there is one. */
  second: number[]
  exclude: Labels[]
  include: Labels[]
  when: Condition | undefined
  threads: number
  /** How often it is tried. */
  attempts: number
  /** Fails in an outage. */
  isFragile: boolean
  publish: { readonly port: Ref['port']; readonly slot: number } | undefined
}

/** The code of the plugin: a constant of each function, whether it is written the other way round, and what nothing reaches. */
export interface Code {
  functions: { constant: number; isTurned: boolean }[]
  unreached: number
  comment: number
  version: number
  defaultWord: string
  /** Of the output `side` of every stage of the plugin. */
  sideKind: 'numbers' | 'figures'
}

/** How a data file lies on the disk, one way after the other: what is in it does not depend on it. */
export const manners = ['in place', 'other mode', 'in place', 'same time', 'same time', 'anew', 'symlink', 'hard link'] as const

export interface World {
  stages: Stage[]
  params: number[]
  /** What the command line says of a parameter. */
  set: { readonly param: number; readonly value: number } | undefined
  seed: number | undefined
  env: string | undefined
  /** The variable E of whoever starts hone. */
  outerEnv: string
  attempts: number
  /** What must not matter: the value of the secret, how long a stage may take and how its data lies on the disk follow from it. */
  step: number
  data: { name: string; lines: string[]; manner: number }[]
  /** What no parameter holds. */
  outside: number[]
  code: Code
  /** How far the stages of the file are turned round, so that their order is not that of the graph. */
  turn: number
  comment: number
  named: number
}

export const emptyWorld = (): World => ({
  stages: [],
  params: [1, 5],
  set: undefined,
  seed: undefined,
  env: undefined,
  outerEnv: 'w',
  attempts: 1,
  step: 0,
  data: [0, 1, 2].map(i => ({ name: `f${i}`, lines: [`line ${i}`, 'both', `${i * 7}`], manner: i * 3 })),
  outside: [0, 0, 0],
  code: { functions: [1, 2, 3].map(constant => ({ constant, isTurned: false })), unreached: 0, comment: 0, version: 1, defaultWord: 'w', sideKind: 'numbers' },
  turn: 0,
  comment: 0,
  named: 0,
})

const mostNodes = 6

export const stageOf = (world: World, id: number): Stage => world.stages.find(s => s.id === id)!

/** What its own matrix makes: all combinations but those that an exclusion fits; an inclusion is added to those whose axes it leaves as they are, or stands by itself. */
export function ownLabels({ id, axis, second, exclude, include }: Stage): Labels[] {
  if (axis.length === 0) return [{}]
  const all = axis.flatMap((k): Labels[] => (second.length > 0 ? second.map(j => ({ k, j })) : [{ k }]))
  const kept = all.filter(labels => !exclude.some(entry => Object.keys(entry).every(a => entry[a] === labels[a])))
  const fits = (entry: Labels) => (labels: Labels) => agrees(entry, labels)
  const alone = include.filter(entry => !kept.some(fits(entry)))
  return [...kept.map(labels => Object.assign({}, labels, ...include.filter(entry => fits(entry)(labels))) as Labels), ...alone].map(labels => Object.fromEntries(Object.entries(labels).map(([a, value]) => [`${a}${id}`, value])))
}

/** Those of each of its nodes. In the order of the engine, which is that of the members of a port: the own axes turn slowest, then what comes in by one port after another. */
export const labelsOf = (world: World, stage: Stage): Labels[] =>
  ownLabels(stage).flatMap(own => {
    let inherited: Labels[] = [{}]
    for (const { ref } of stage.ports) inherited = inherited.flatMap(labels => labelsOf(world, stageOf(world, ref.stage)).filter(meantBy(ref)).map(other => restOf(ref, other)).filter(other => agrees(other, labels)).map(other => ({ ...labels, ...other })))
    return inherited.map(labels => ({ ...labels, ...own }))
  })
/** Whether a reference means a node, and the axes of that node which it leaves. */
export const meantBy = ({ member = {} }: Ref) => (labels: Labels): boolean => Object.keys(member).every(axis => labels[axis] === member[axis])
export const restOf = ({ member = {} }: Ref, labels: Labels): Labels => Object.fromEntries(Object.entries(labels).filter(([axis]) => !(axis in member)))
export const agrees = (a: Labels, b: Labels): boolean => Object.keys(a).every(axis => !(axis in b) || a[axis] === b[axis])
export const axesOf = (world: World, stage: Stage): string[] => [...new Set(labelsOf(world, stage).flatMap(labels => Object.keys(labels)))]
export const isOne = (world: World, stage: Stage): boolean => axesOf(world, stage).length === 0

/** The stages that its expressions read: each must be one node. */
export const readsOf = ({ word, when }: Stage): number[] => [
  ...(typeof word === 'object' ? [word.digestOf.stage] : []),
  ...(when && 'stage' in when.of ? [when.of.stage] : []),
  ...(when && 'digestOf' in when.of ? [when.of.digestOf.stage] : []),
]

/** Not too many nodes of one stage, and of any two an axis tells which is which; expressions read one node, and metrics where there are some; what is published has a place of its own. */
export const isSound = (world: World): boolean => {
  const slots = world.stages.flatMap(s => (s.publish ? [s.publish.slot] : []))
  return new Set(slots).size === slots.length && world.stages.every(stage => {
    const { when, publish } = stage
    if (readsOf(stage).some(id => !isOne(world, stageOf(world, id))) || (publish && !isOne(world, stage))) return false
    if (when && 'stage' in when.of && stageOf(world, when.of.stage).uses === 'shell') return false
    const nodes = labelsOf(world, stage)
    const candidates = (ref: Ref) => labelsOf(world, stageOf(world, ref.stage)).filter(meantBy(ref)).map(labels => restOf(ref, labels))
    if ([...stage.many.map(({ ref }) => ref), ...stage.boxes].some(ref => candidates(ref).length === 0)) return false
    if (stage.ports.some(({ ref }) => nodes.some(labels => candidates(ref).filter(other => agrees(other, labels)).length !== 1))) return false
    return nodes.length > 0 && nodes.length <= mostNodes && nodes.every((labels, i) => !nodes.slice(0, i).some(other => agrees(labels, other)))
  })
}
