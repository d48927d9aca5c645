// The edits that lead from one pipeline to the next.
import { isOne, isSound, kindsOfStage, labelsOf, readsOf, stageOf, type Ref, type Stage, type World } from './world.js'

/** What an edit does is chosen by its name and three numbers, whatever the world is at the time: so that histories can be made shorter. */
export interface Edit {
  readonly edit: keyof typeof edits
  readonly n: number
  readonly m: number
  readonly v: number
}

const mods = [2, 3, 1000, 997]
const words = ['w', 'red', 'blue']
const mostStages = 9
const mostSlots = 3

const at = <T>(list: readonly T[], n: number): T | undefined => (list.length === 0 ? undefined : list[n % list.length])
const refTo = (world: World, before: number, n: number, m: number) => {
  const stage = at(world.stages.slice(0, before), n)
  return stage && { stage: stage.id, port: m % 3 === 0 ? ('side' as const) : ('out' as const) }
}
/** Before a stage, of those that are one node. */
const oneBefore = (world: World, stage: Stage, n: number, isMeant: (s: Stage) => boolean = () => true) =>
  at(world.stages.slice(0, world.stages.indexOf(stage)).filter(s => isOne(world, s) && isMeant(s)), n)

function addStage(world: World, n: number, m: number, v: number): void {
  if (world.stages.length >= mostStages) return
  const here = world.stages.length
  const refs = (k: number) => refTo(world, here, n + k, m + k)
  const id = Math.max(-1, ...world.stages.map(s => s.id)) + 1
  world.stages.push({
    id, name: `s${id}`, uses: (['mix', 'twist', 'rowwise', 'grow', 'mix', 'twist', 'rowwise', 'shell', 'fetch'] as const)[(m + n) % 9]!,
    ports: [
      ...(v % 4 === 0 ? [] : (['a', 'b'] as const).slice(0, 1 + (v % 2)).flatMap((name, k) => { const ref = refs(k); return ref ? [{ name, ref }] : [] })),
      ...(m % 3 === 1 && here > 0 ? [{ name: 'c', ref: { stage: refs(n)!.stage, port: 'box' } } as const] : []),
    ],
    many: v % 3 === 0 ? [0, 1].flatMap(k => { const ref = refs(k + 2); return ref ? [{ label: `l${k}`, ref }] : [] }) : [],
    isLabelled: v % 2 === 0, boxes: m % 7 === 2 ? [0, 1].flatMap(k => { const ref = refs(k); return ref ? [{ stage: ref.stage, port: 'box' as const }] : [] }) : [], needs: [], add: v % 5 === 0 ? { param: v } : n % 7, mod: at(mods, n + m)!, rounds: 1, source: n % 3, word: undefined,
    file: v % 4 === 0 ? m % 3 : v % 7 === 1 ? 'all' : undefined,
    seed: undefined, env: n % 6 === 2 ? { isPassed: true } : undefined, secret: n % 5 === 0 ? 'env' : n % 5 === 1 ? 'with' : undefined, isCached: true, axis: v % 6 === 5 ? [1, 2] : [], second: v % 12 === 11 ? [1, 2] : [],
    exclude: v % 12 === 11 && m % 3 === 0 ? [{ k: 1, j: 2 }] : [], include: v % 6 === 5 && n % 2 ? [{ k: 1 + (n % 4), x: m % 3 }] : [], when: undefined, threads: 1,
    attempts: m % 5 === 0 ? 2 : 0, isFragile: v % 5 === 1, publish: undefined,
  })
}

type Act = (world: World, stage: Stage, n: number, m: number, v: number) => void

/** Each changes the world in one place; one that cannot be made here changes nothing. */
const onStage = {
  add: (_, s, __, m, v) => void (s.add = v % 4 === 0 ? { param: m } : s.axis.length > 0 && v % 4 === 1 ? 'axis' : v % 9),
  mod: (_, s, __, ___, v) => void (s.mod = at(mods, v)!),
  rounds: (_, s, __, ___, v) => void (s.rounds = 1 + (v % 4)),
  source: (_, s, __, ___, v) => void (s.source = v % 3),
  word: (_, s, __, ___, v) => void (s.word = v % 6 === 3 ? undefined : v % 6 === 4 ? 'variable' : v % 6 === 5 ? 'axes' : at(words, v)),
  digest: (world, s, _, m, v) => { const other = oneBefore(world, s, m); if (other) s.word = { digestOf: { stage: other.id, port: v % 3 ? 'out' : 'side' } } },
  uses: (_, s, __, ___, v) => void (s.uses = at(kindsOfStage, v)!),
  file: (_, s, __, ___, v) => void (s.file = ([0, 1, 2, 'all', undefined] as const)[v % 5]),
  stageSeed: (_, s, __, ___, v) => void (s.seed = v % 3 === 0 ? undefined : v % 3),
  stageEnv: (_, s, __, ___, v) => void (s.env = v % 4 === 0 ? undefined : v % 4 === 3 ? { isPassed: true } : at(words, v)),
  stageSecret: (_, s, __, ___, v) => void (s.secret = ([undefined, 'env', 'with'] as const)[v % 3]),
  cached: (_, s, __, ___, v) => void (s.isCached = v % 3 !== 0),
  threads: (_, s, __, ___, v) => void (s.threads = 1 + (v % 3)),
  attempts: (_, s, __, ___, v) => void (s.attempts = v % 3),
  fragile: (_, s) => void (s.isFragile = !s.isFragile),
  publish: (_, s, __, m, v) => void (s.publish = v % 4 === 0 ? undefined : { port: (['out', 'side', 'box'] as const)[m % 3]!, slot: v % mostSlots }),
  rename: (world, s) => void (s.name = `t${world.named++}`),
  swapNames: (world, s, _, m) => { const other = at(world.stages, m)!; [s.name, other.name] = [other.name, s.name] },
  axis: (_, s, __, ___, v) => {
    s.axis = [[], [1], [1, 2], [2, 3], [3, 1, 2]][v % 5]!
    if (s.axis.length === 0 && s.add === 'axis') s.add = 4
  },
  second: (_, s, __, ___, v) => {
    s.second = [[], [1], [1, 2], [4, 1]][v % 4]!
    if (s.second.length === 0) s.exclude = []
  },
  exclude: (_, s, __, m, v) => {
    if (v % 4 === 0) s.exclude = []
    else if (s.second.length > 0 && s.axis.length > 0) s.exclude = [...s.exclude.slice(-1), { ...(v % 4 > 1 && { k: at(s.axis, m)! }), ...(v % 4 < 3 && { j: at(s.second, v)! }) }]
  },
  include: (_, s, __, m, v) => void (s.include = v % 4 === 0 ? [] : [...s.include.slice(-1), { k: 1 + (m % 5), ...(v % 4 > 1 && { j: 1 + (m % 2) }), ...(v % 2 && { x: m % 3 }) }]),
  wire: (world, s, n, m, v) => {
    const ref = refTo(world, world.stages.indexOf(s), m, v)
    const name = n % 2 ? 'a' : 'b'
    s.ports = [...s.ports.filter(p => p.name !== name), ...(ref && v % 5 ? [{ name, ref } as const] : [])]
  },
  port: (_, s, __, ___, v) => { const p = at(s.ports.filter(({ name }) => name !== 'c'), v); if (p) p.ref = { ...p.ref, port: p.ref.port === 'out' ? 'side' : 'out' } },
  unbox: (world, s, _, m, v) => {
    const other = at(world.stages.slice(0, world.stages.indexOf(s)), m)
    s.ports = [...s.ports.filter(p => p.name !== 'c'), ...(other && v % 4 ? [{ name: 'c', ref: { stage: other.id, port: 'box' } } as const] : [])]
  },
  pack: (world, s, _, m) => { const other = at(world.stages.slice(0, world.stages.indexOf(s)), m); if (other && s.boxes.length < 3) s.boxes.push({ stage: other.id, port: 'box' }) },
  unpack: (_, s, __, ___, v) => void s.boxes.splice(v % 3, 1),
  member: (world, s, n, m, v) => {
    const put = (ref: Ref): Ref => {
      const labels = at(labelsOf(world, stageOf(world, ref.stage)), v) ?? {}
      const axes = Object.keys(labels)
      const { member: _, ...whole } = ref
      return v % 4 === 0 || axes.length === 0 ? whole : { ...whole, member: n % 2 ? labels : { [at(axes, m)!]: labels[at(axes, m)!]! } }
    }
    const members = [...s.ports, ...s.many]
    const chosen = at(members, m)
    if (chosen && (n % 3 || s.boxes.length === 0)) chosen.ref = put(chosen.ref)
    else s.boxes = s.boxes.map((ref, i) => (i === v % s.boxes.length ? put(ref) : ref))
  },
  gather: (world, s, _, m, v) => { const ref = refTo(world, world.stages.indexOf(s), m, v); if (ref && s.many.length < 3) s.many.push({ label: `m${world.named++}`, ref }) },
  scatter: (_, s, __, ___, v) => void s.many.splice(v % 3, 1),
  relabel: (world, s, __, ___, v) => { const member = at(s.many, v); if (member) member.label = `m${world.named++}` },
  reorder: (_, s) => void s.many.reverse(),
  labelled: (_, s) => void (s.isLabelled = !s.isLabelled),
  needs: (world, s, _, m, v) => { const other = at(world.stages.slice(0, world.stages.indexOf(s)), m); s.needs = other && v % 2 ? [other.id] : [] },
  when: (world, s, _, m, v) => {
    const other = oneBefore(world, s, m, x => x.uses !== 'shell')
    s.when = v % 3 === 0 || (v % 3 === 2 && !other) ? undefined : { of: v % 3 === 1 ? { param: m } : { stage: other!.id }, over: v % 7 }
  },
  whenDigest: (world, s, _, m, v) => { const other = oneBefore(world, s, m); if (other) s.when = { of: { digestOf: { stage: other.id, port: v % 2 ? 'out' : 'side' } }, over: v % 7 } },
  remove: (world, s) => {
    if (world.stages.length < 2) return
    world.stages.splice(world.stages.indexOf(s), 1)
    for (const other of world.stages) {
      other.ports = other.ports.filter(p => p.ref.stage !== s.id)
      other.many = other.many.filter(p => p.ref.stage !== s.id)
      other.boxes = other.boxes.filter(ref => ref.stage !== s.id)
      other.needs = other.needs.filter(id => id !== s.id)
      if (readsOf({ ...other, when: undefined }).includes(s.id)) other.word = undefined
      if (readsOf({ ...other, word: undefined }).includes(s.id)) other.when = undefined
    }
  },
} satisfies Record<string, Act>

const onWorld = {
  stage: addStage,
  param: (world, n, _, v) => void (world.params[n % world.params.length] = v % 8),
  set: (world, n, _, v) => void (world.set = v % 3 === 0 ? undefined : { param: n % world.params.length, value: v % 8 }),
  seed: (world, _, __, v) => void (world.seed = v % 3 === 0 ? undefined : v % 3),
  env: (world, _, __, v) => void (world.env = v % 3 === 0 ? undefined : at(words, v)),
  outerEnv: (world, _, __, v) => void (world.outerEnv = at(words, v)!),
  defaultAttempts: (world, _, __, v) => void (world.attempts = 1 + (v % 2)),
  row: (world, n, m, v) => { const { lines } = at(world.data, n)!; lines[m % lines.length] = `line ${v % 5}` },
  newRow: (world, n, m, v) => { const { lines } = at(world.data, n)!; if (lines.length < 6) lines.splice(m % lines.length, 0, `line ${v % 5}`) },
  noRow: (world, n, m) => { const { lines } = at(world.data, n)!; if (lines.length > 1) lines.splice(m % lines.length, 1) },
  orderOfRows: (world, n) => void at(world.data, n)!.lines.reverse(),
  nameOfFile: (world, n) => void (at(world.data, n)!.name = `g${world.named++}`),
  manner: (world, n, _, v) => void (at(world.data, n)!.manner = v),
  outside: (world, n, _, v) => void (world.outside[n % world.outside.length] = v % 4),
  constant: (world, n, _, v) => void (at(world.code.functions, n)!.constant = v % 4),
  sameFunction: (world, n) => { const f = at(world.code.functions, n)!; f.isTurned = !f.isTurned },
  unreached: world => void world.code.unreached++,
  codeComment: world => void world.code.comment++,
  version: (world, _, __, v) => void (world.code.version = 1 + (v % 2)),
  defaultWord: (world, _, __, v) => void (world.code.defaultWord = at(words, v)!),
  sideKind: (world, _, __, v) => void (world.code.sideKind = v % 2 ? 'figures' : 'numbers'),
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
