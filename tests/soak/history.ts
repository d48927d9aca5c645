// A random pipeline, edited again and again and run after each edit, against the truth.
import { cpSync, rmSync } from 'node:fs'
import fc from 'fast-check'
import { Project } from '../rig.js'
import { checkFresh, checkRun, checkTogether, noteInterrupted, type Known } from './check.js'
import { emptyStore, forget, type Driver } from './drive.js'
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
  /** One stage and what it needs is run, or is run anew with all else. */
  | { readonly type: 'selected' | 'forced'; readonly stage: number }
  /** Two runs go on at a time. */
  | { readonly type: 'together' }
  | { readonly type: 'nothing' }

export interface Step {
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
const anyEdit = edit([...(Object.keys(edits) as (keyof typeof edits)[]), 'when', 'when', 'axis', 'constant', 'constant', 'constant', 'row', 'row', 'row', 'param', 'gather', 'publish', 'digest'])

const before: fc.Arbitrary<Before> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ type: 'nothing' as const }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('interrupted' as const), after: fc.integer({ min: 2, max: 14 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('outage' as const), isLasting: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('selected' as const, 'forced' as const), stage: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.constant({ type: 'together' as const }) },
)

// Mostly the same.
const place = [undefined, undefined, undefined, undefined, undefined, 'renamed', 'copied'] as const

export const histories: fc.Arbitrary<History> = fc.record({
  made: fc.tuple(fc.array(edit(['stage']), { minLength: 2, maxLength: 8 }), fc.array(anyEdit, { maxLength: 10 })).map(parts => parts.flat()),
  steps: fc.array(
    fc.record({ edits: fc.array(anyEdit, { maxLength: 4 }), before, move: fc.constantFrom(...place), isSwept: fc.nat(5).map(n => n === 5) }),
    { minLength: 2, maxLength: 6 },
  ),
  shuffleSeed: fc.nat(1000),
})

/** Throws where a result is not that of a fresh run, or where something ran that was there already. */
export async function checkHistory(history: History, driver: Driver, tried: Tried): Promise<void> {
  let project = Project.make()
  const known: Known = { done: new Set(), begun: new Set() }
  try {
    let world = history.made.reduce(edited, edited(emptyWorld(), { edit: 'stage', n: 0, m: 1, v: 0 }))
    const first: Step = { edits: [], before: { type: 'nothing' }, move: undefined, isSwept: false }
    for (const [i, step] of [first, ...history.steps].entries()) {
      if (step.move) {
        project = moved(project, step.move)
        tried.moved++
      }
      world = { ...step.edits.reduce(edited, world), step: i }
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
  const stage = 'stage' in before ? world.stages[before.stage % world.stages.length]!.name : ''
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
      checkRun(neededBy(stage, nodes), await driver.run(project, { ...asked, stages: [stage] }), known, { project })
      tried.selected++
      break
    case 'forced':
      checkRun(nodes, await driver.run(project, { ...asked, force: stage }), known, { project, forced: stage })
      tried.forced++
      break
    case 'together':
      checkTogether(nodes, await Promise.all([driver.run(project, asked), driver.run(project, { ...asked, shuffleSeed: shuffleSeed + 1 })]), known, project)
      tried.together++
      break
    default:
      throw new Error(`Internal: ${(before satisfies never as Before).type}`)
  }
  const plan = await driver.plan(project, world)
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

function neededBy(stage: string, nodes: readonly Node[]): readonly Node[] {
  const needed = new Set(nodes.filter(node => node.stage === stage).map(node => node.name))
  // Each stands after what it needs.
  for (const node of nodes.toReversed()) if (needed.has(node.name)) for (const name of node.after) needed.add(name)
  return nodes.filter(node => needed.has(node.name))
}
