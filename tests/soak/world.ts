// A pipeline as the soak thinks of it, and the edits that lead from one to the next. Knows nothing of files or of hone.

/** An output of an earlier stage. */
export interface Ref {
  readonly stage: number
  readonly port: 'out' | 'side'
}

/** Where a number of a stage comes from: it is written there, or it is a parameter of the pipeline, or the stage's own axis. */
export type Value = number | { readonly param: number } | 'axis'

export interface Stage {
  /** Never changes; refs mean it. Its name may change. */
  readonly id: number
  name: string
  uses: 'mix' | 'twist'
  /** Single ports, in the order of the file. */
  ports: { name: 'a' | 'b'; ref: Ref }[]
  /** With labels it is a map, else a list. */
  many: { label: string; ref: Ref }[]
  isLabelled: boolean
  needs: number[]
  add: Value
  mod: number
  word: string | undefined
  /** A data file, all of them by a glob, or none. */
  file: number | 'all' | undefined
  seed: number | undefined
  env: string | undefined
  isCached: boolean
  axis: number[]
  /** Runs if a parameter, or the metric of an earlier stage without axes, is above `over`. */
  when: { readonly of: { readonly param: number } | { readonly stage: number }; readonly over: number } | undefined
  threads: number
}

/** The code of the plugin: a constant of each function, whether it is written the other way round, and what nothing reaches. */
export interface Code {
  functions: { constant: number; isTurned: boolean }[]
  unreached: number
  comment: number
}

export interface World {
  stages: Stage[]
  params: number[]
  seed: number | undefined
  env: string | undefined
  data: { name: string; lines: string[] }[]
  code: Code
  /** How far the stages of the file are turned round, so that their order is not that of the graph. */
  turn: number
  comment: number
  named: number
}

/** What an edit does is chosen by its name and three numbers, whatever the world is at the time: so that histories can be made shorter. */
export interface Edit {
  readonly edit: keyof typeof edits
  readonly n: number
  readonly m: number
  readonly v: number
}

export const emptyWorld = (): World => ({
  stages: [],
  params: [1, 5],
  seed: undefined,
  env: undefined,
  data: [0, 1, 2].map(i => ({ name: `f${i}`, lines: [`line ${i}`, 'both', `${i * 7}`] })),
  code: { functions: [1, 2, 3].map(constant => ({ constant, isTurned: false })), unreached: 0, comment: 0 },
  turn: 0,
  comment: 0,
  named: 0,
})

const mods = [2, 3, 1000, 997]
const words = ['w', 'red', 'blue']
const mostStages = 9
const mostNodes = 6

const at = <T>(list: readonly T[], n: number): T | undefined => (list.length === 0 ? undefined : list[n % list.length])
const refTo = (world: World, before: number, n: number, m: number): Ref | undefined => {
  const stage = at(world.stages.slice(0, before), n)
  return stage && { stage: stage.id, port: m % 3 === 0 ? 'side' : 'out' }
}

/** The axes of a stage, each with its values: its own and those that come in by single ports. */
export function axesOf(world: World, stage: Stage): Map<string, readonly number[]> {
  const axes = new Map<string, readonly number[]>()
  for (const { ref } of stage.ports) for (const [axis, values] of axesOf(world, world.stages.find(s => s.id === ref.stage)!)) axes.set(axis, values)
  if (stage.axis.length > 0) axes.set(`k${stage.id}`, stage.axis)
  return axes
}

/** Not too many nodes of one stage, and a condition reads the metric of one node. */
const isSound = (world: World): boolean =>
  world.stages.every(stage => {
    const of = stage.when?.of
    const isOne = of === undefined || 'param' in of || axesOf(world, world.stages.find(s => s.id === of.stage)!).size === 0
    return isOne && [...axesOf(world, stage).values()].reduce((n, values) => n * values.length, 1) <= mostNodes
  })

function addStage(world: World, n: number, m: number, v: number): void {
  if (world.stages.length >= mostStages) return
  const here = world.stages.length
  const refs = (k: number) => refTo(world, here, n + k, m + k)
  const id = Math.max(-1, ...world.stages.map(s => s.id)) + 1
  world.stages.push({
    id, name: `s${id}`, uses: m % 2 ? 'mix' : 'twist',
    ports: v % 4 === 0 ? [] : (['a', 'b'] as const).slice(0, 1 + (v % 2)).flatMap((name, k) => { const ref = refs(k); return ref ? [{ name, ref }] : [] }),
    many: v % 3 === 0 ? [0, 1].flatMap(k => { const ref = refs(k + 2); return ref ? [{ label: `l${k}`, ref }] : [] }) : [],
    isLabelled: v % 2 === 0, needs: [], add: v % 5 === 0 ? { param: v } : n % 7, mod: at(mods, n + m)!, word: undefined,
    file: v % 4 === 0 ? m % 3 : v % 7 === 1 ? 'all' : undefined,
    seed: undefined, env: undefined, isCached: true, axis: v % 6 === 5 ? [1, 2] : [], when: undefined, threads: 1,
  })
}

type Act = (world: World, stage: Stage, n: number, m: number, v: number) => void

/** Each changes the world in one place; one that cannot be made here changes nothing. */
const onStage = {
  add: (_, s, __, m, v) => void (s.add = v % 4 === 0 ? { param: m } : s.axis.length > 0 && v % 4 === 1 ? 'axis' : v % 9),
  mod: (_, s, __, ___, v) => void (s.mod = at(mods, v)!),
  word: (_, s, __, ___, v) => void (s.word = v % 4 === 3 ? undefined : at(words, v)),
  uses: (_, s) => void (s.uses = s.uses === 'mix' ? 'twist' : 'mix'),
  file: (_, s, __, ___, v) => void (s.file = ([0, 1, 2, 'all', undefined] as const)[v % 5]),
  stageSeed: (_, s, __, ___, v) => void (s.seed = v % 3 === 0 ? undefined : v % 3),
  stageEnv: (_, s, __, ___, v) => void (s.env = v % 3 === 0 ? undefined : at(words, v)),
  cached: (_, s, __, ___, v) => void (s.isCached = v % 3 !== 0),
  threads: (_, s, __, ___, v) => void (s.threads = 1 + (v % 3)),
  rename: (world, s) => void (s.name = `t${world.named++}`),
  axis: (_, s, __, ___, v) => {
    s.axis = [[], [1], [1, 2], [2, 3], [3, 1, 2]][v % 5]!
    if (s.axis.length === 0 && s.add === 'axis') s.add = 4
  },
  wire: (world, s, n, m, v) => {
    const ref = refTo(world, world.stages.indexOf(s), m, v)
    const name = n % 2 ? 'a' : 'b'
    s.ports = [...s.ports.filter(p => p.name !== name), ...(ref && v % 5 ? [{ name, ref } as const] : [])]
  },
  port: (_, s, __, ___, v) => { const p = at(s.ports, v); if (p) p.ref = { stage: p.ref.stage, port: p.ref.port === 'out' ? 'side' : 'out' } },
  gather: (world, s, _, m, v) => { const ref = refTo(world, world.stages.indexOf(s), m, v); if (ref && s.many.length < 3) s.many.push({ label: `m${world.named++}`, ref }) },
  scatter: (_, s, __, ___, v) => void s.many.splice(v % 3, 1),
  relabel: (world, s, __, ___, v) => { const member = at(s.many, v); if (member) member.label = `m${world.named++}` },
  reorder: (_, s) => void s.many.reverse(),
  labelled: (_, s) => void (s.isLabelled = !s.isLabelled),
  needs: (world, s, _, m, v) => { const other = at(world.stages.slice(0, world.stages.indexOf(s)), m); s.needs = other && v % 2 ? [other.id] : [] },
  when: (world, s, _, m, v) => {
    const other = at(world.stages.slice(0, world.stages.indexOf(s)).filter(x => axesOf(world, x).size === 0), m)
    s.when = v % 3 === 0 || (v % 3 === 2 && !other) ? undefined : { of: v % 3 === 1 ? { param: m } : { stage: other!.id }, over: v % 7 }
  },
  remove: (world, s) => {
    if (world.stages.length < 2) return
    world.stages.splice(world.stages.indexOf(s), 1)
    for (const other of world.stages) {
      other.ports = other.ports.filter(p => p.ref.stage !== s.id)
      other.many = other.many.filter(p => p.ref.stage !== s.id)
      other.needs = other.needs.filter(id => id !== s.id)
      if (other.when && 'stage' in other.when.of && other.when.of.stage === s.id) other.when = undefined
    }
  },
} satisfies Record<string, Act>

const onWorld = {
  stage: addStage,
  param: (world, n, _, v) => void (world.params[n % world.params.length] = v % 8),
  seed: (world, _, __, v) => void (world.seed = v % 3 === 0 ? undefined : v % 3),
  env: (world, _, __, v) => void (world.env = v % 3 === 0 ? undefined : at(words, v)),
  row: (world, n, m, v) => { const { lines } = at(world.data, n)!; lines[m % lines.length] = `line ${v % 5}` },
  newRow: (world, n, m, v) => { const { lines } = at(world.data, n)!; if (lines.length < 6) lines.splice(m % lines.length, 0, `line ${v % 5}`) },
  noRow: (world, n, m) => { const { lines } = at(world.data, n)!; if (lines.length > 1) lines.splice(m % lines.length, 1) },
  orderOfRows: (world, n) => void at(world.data, n)!.lines.reverse(),
  nameOfFile: (world, n) => void (at(world.data, n)!.name = `g${world.named++}`),
  constant: (world, n, _, v) => void (at(world.code.functions, n)!.constant = v % 4),
  sameFunction: (world, n) => { const f = at(world.code.functions, n)!; f.isTurned = !f.isTurned },
  unreached: world => void world.code.unreached++,
  codeComment: world => void world.code.comment++,
  comment: world => void world.comment++,
  turn: world => void world.turn++,
  nothing: () => {},
} satisfies Record<string, (world: World, n: number, m: number, v: number) => void>

export const edits = { ...onStage, ...onWorld }

/** The world after an edit, or as it was where that would not be a pipeline. */
export function edited(before: World, { edit, n, m, v }: Edit): World {
  const world = structuredClone(before)
  if (Object.hasOwn(onWorld, edit)) onWorld[edit as keyof typeof onWorld](world, n, m, v)
  else {
    const stage = at(world.stages, n)
    if (stage) (onStage[edit as keyof typeof onStage] as Act)(world, stage, n, m, v)
  }
  return isSound(world) ? world : before
}
