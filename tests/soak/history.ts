// A random pipeline, edited again and again and run after each edit, against the truth.
import { cpSync, rmSync } from 'node:fs'
import fc from 'fast-check'
import { Project } from '../rig.js'
import { checkFresh, checkRun, checkTogether, isThere, noteCollected, noteInterrupted, noteLost, nothingKnown, type Known } from './check.js'
import { damage, places, ways, type Damage } from './damage.js'
import { emptyStore, forget, Refused, type Driver, type Selection } from './drive.js'
import { edited, edits, type Edit } from './edits.js'
import { filesOf } from './files.js'
import { lay } from './lay.js'
import type { Tried } from './tried.js'
import { nodesOf, type Node } from './truth.js'
import { emptyWorld, type World } from './world.js'

/** What happens before the run that is held against a fresh one. */
export type Before =
  /** A run is ended after so many events. */
  | { readonly type: 'interrupted'; readonly after: number }
  /** Fragile stages fail, always or the first time. */
  | { readonly type: 'outage'; readonly isLasting: boolean }
  /** A stage is asked for: it alone or with what it needs or with all that follows, or all else with it anew. */
  | { readonly type: 'selected'; readonly by: Selection['by']; readonly stage: number }
  /** Two runs go on at a time. */
  | { readonly type: 'together' }
  /** What neither the last good run nor so many of the newest used is removed from the store, perhaps while the newest was broken off. */
  | { readonly type: 'collected'; readonly keep: number; readonly after: number | undefined }
  /** Something in the store is damaged, and `cache verify` finds it or the run has to. */
  | { readonly type: 'damaged'; readonly damage: Damage; readonly isVerified: boolean }
  | { readonly type: 'nothing' }

export interface Step {
  /** First all is as it was at an earlier step. */
  readonly back: number | undefined
  readonly edits: readonly Edit[]
  readonly before: Before
  /** The project's folder is another one from here on. */
  readonly move: 'renamed' | 'copied' | undefined
  /** Somebody deletes what was published. */
  readonly isSwept: boolean
}

export interface History {
  readonly made: readonly Edit[]
  readonly steps: readonly Step[]
  readonly shuffleSeed: number
}

const edit = (names: readonly (keyof typeof edits)[]): fc.Arbitrary<Edit> => fc.record({ edit: fc.constantFrom(...names), n: fc.nat(60), m: fc.nat(60), v: fc.nat(60) })
// Some are more telling than others.
const anyEdit = edit([...(Object.keys(edits) as (keyof typeof edits)[]), 'when', 'when', 'axis', 'axis', 'second', 'second', 'include', 'exclude', 'constant', 'constant', 'constant', 'row', 'row', 'row', 'param', 'gather', 'publish', 'publish', 'digest', 'unbox', 'unbox', 'pack', 'pack', 'member', 'member', 'outside', 'outside'])

const damages: fc.Arbitrary<Damage> = fc.record({ where: fc.constantFrom(...places, 'objects', 'objects', 'objects'), file: fc.nat(1000), how: fc.constantFrom(...ways) })

const before: fc.Arbitrary<Before> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ type: 'nothing' as const }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('interrupted' as const), after: fc.integer({ min: 2, max: 14 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('outage' as const), isLasting: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('selected' as const), by: fc.constantFrom('stage' as const, 'only' as const, 'from' as const, 'force' as const, 'refresh' as const), stage: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.constant({ type: 'together' as const }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('damaged' as const), damage: damages, isVerified: fc.nat(3).map(n => n === 3) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('collected' as const), keep: fc.integer({ min: 1, max: 3 }), after: fc.option(fc.integer({ min: 2, max: 14 }), { nil: undefined, freq: 3 }) }) },
)

// Mostly the same.
const place = [undefined, undefined, undefined, undefined, undefined, 'renamed', 'copied'] as const

export const histories: fc.Arbitrary<History> = fc.record({
  made: fc.tuple(fc.array(edit(['stage']), { minLength: 2, maxLength: 8 }), fc.array(anyEdit, { maxLength: 10 })).map(parts => parts.flat()),
  steps: fc.array(
    fc.record({ back: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(60) }), edits: fc.array(anyEdit, { maxLength: 4 }), before, move: fc.constantFrom(...place), isSwept: fc.nat(5).map(n => n === 5) }),
    { minLength: 2, maxLength: 6 },
  ),
  shuffleSeed: fc.nat(1000),
})

/** Throws where a result is not that of a fresh run, or where something ran that was there already. */
export async function checkHistory(history: History, driver: Driver, tried: Tried): Promise<void> {
  let project = Project.make()
  const known = nothingKnown()
  try {
    let world = history.made.reduce(edited, edited(emptyWorld(), { edit: 'stage', n: 0, m: 1, v: 0 }))
    const first: Step = { back: undefined, edits: [], before: { type: 'nothing' }, move: undefined, isSwept: false }
    const worlds = [world]
    for (const [i, step] of [first, ...history.steps].entries()) {
      if (step.move) {
        project = moved(project, step.move)
        tried.moved++
      }
      if (step.back !== undefined) world = worlds[step.back % worlds.length]!
      world = { ...step.edits.reduce(edited, world), step: i }
      worlds.push(world)
      lay(project, world)
      if (step.isSwept) rmSync(project.path('published'), { recursive: true, force: true })
      try {
        await checkStep(step.before, { project, world, driver, known, tried, shuffleSeed: history.shuffleSeed + i })
      } catch (e) {
        throw new Error(`step ${i}, ${JSON.stringify(step.before)}: ${(e as Error).message}\n${filesOf(world)['pipeline.yaml']}`, { cause: e })
      }
    }
    tried.pipelines++
  } finally {
    rmSync(project.root, { recursive: true, force: true })
  }
}

function moved(project: Project, how: 'renamed' | 'copied'): Project {
  if (how === 'renamed') return project.move()
  const copy = Project.make()
  cpSync(project.root, copy.root, { recursive: true, verbatimSymlinks: true })
  rmSync(project.root, { recursive: true, force: true })
  return copy
}

interface Surroundings {
  readonly project: Project
  readonly world: World
  readonly driver: Driver
  readonly known: Known
  readonly tried: Tried
  readonly shuffleSeed: number
}

async function checkStep(before: Before, { project, world, driver, known, tried, shuffleSeed }: Surroundings): Promise<void> {
  const nodes = nodesOf(world)
  const asked = { world, shuffleSeed }
  switch (before.type) {
    case 'nothing':
      break
    case 'interrupted':
      noteInterrupted(await driver.run(project, { ...asked, endsAfter: before.after }), nodes, known)
      tried.interrupted++
      break
    case 'outage': {
      project.write({ [before.isLasting ? 'outage/all' : 'outage/first']: '' })
      checkRun(nodes, await driver.run(project, asked), known, { project, outage: before.isLasting ? 'lasting' : 'first' })
      rmSync(project.path('outage'), { recursive: true })
      tried.inOutages++
      break
    }
    case 'selected':
      await checkSelected({ by: before.by, stage: world.stages[before.stage % world.stages.length]!.name }, nodes, { project, world, driver, known, tried, shuffleSeed })
      break
    case 'together':
      checkTogether(nodes, await Promise.all([driver.run(project, asked), driver.run(project, { ...asked, shuffleSeed: shuffleSeed + 1 })]), known, project)
      tried.together++
      break
    case 'collected':
      if (before.after !== undefined) noteInterrupted(await driver.run(project, { ...asked, endsAfter: before.after }), nodes, known)
      await driver.collect(project, before.keep)
      noteCollected(known, before.keep)
      tried.collected++
      break
    case 'damaged': {
      const lost = damage(project.path('.hone'), before.damage)
      if (!lost) break
      noteLost(lost, known)
      if (before.isVerified) await driver.verify(project)
      if (before.isVerified && (await driver.verify(project)) > 0) throw new Error('cache verify found something again that it had moved aside')
      tried.damaged++
      break
    }
    default:
      throw new Error(`Internal: ${(before satisfies never as Before).type}`)
  }
  const plan = await driver.plan(project, world)
  for (const { name } of followersOf(nodes.filter(node => node.isAsking), nodes)) delete plan[name]
  const finished = checkRun(nodes, await driver.run(project, asked), known, { project, plan })
  const store = emptyStore()
  try {
    checkFresh(nodes, await driver.run(project, { ...asked, store, shuffleSeed: shuffleSeed + 1 }), project)
  } finally {
    forget(store)
  }
  tried.runs++
  tried.nodes += nodes.length
  for (const { status } of finished.values()) tried[status === 'ran' ? 'ran' : status === 'hit' ? 'hits' : 'skipped']++
}

async function checkSelected({ by, stage }: Selection, nodes: readonly Node[], { project, world, driver, known, tried, shuffleSeed }: Surroundings): Promise<void> {
  const asked = nodes.filter(node => node.stage === stage)
  const following = followersOf(asked, nodes)
  const meant = by === 'stage' || by === 'only' ? neededBy(asked, nodes) : by === 'from' ? neededBy(following, nodes) : nodes
  const forced = new Set((by === 'from' ? following : by === 'force' || by === 'refresh' ? asked : []).map(node => node.name))
  // In the way of `--only`.
  const mayStart = by !== 'only' || isThere(meant.filter(node => node.stage !== stage), known)
  let events
  try {
    events = await driver.run(project, { world, shuffleSeed, selection: { by, stage } })
  } catch (e) {
    if (!(e instanceof Refused) || mayStart === true || !e.message.includes('would have to run first')) throw e
    tried.refused++
    return
  }
  if (mayStart === false) throw new Error(`--only ${stage} ran, though what it needs was not there`)
  checkRun(meant, events, known, { project, forced })
  tried[forced.size > 0 ? 'forced' : 'selected']++
}

function neededBy(some: readonly Node[], nodes: readonly Node[]): readonly Node[] {
  const needed = new Set(some.map(node => node.name))
  // Each stands after what it needs.
  for (const node of nodes.toReversed()) if (needed.has(node.name)) for (const name of node.after) needed.add(name)
  return nodes.filter(node => needed.has(node.name))
}

function followersOf(some: readonly Node[], nodes: readonly Node[]): readonly Node[] {
  const following = new Set(some.map(node => node.name))
  for (const node of nodes) if (node.after.some(name => following.has(name))) following.add(node.name)
  return nodes.filter(node => following.has(node.name))
}
