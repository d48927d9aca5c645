// A random pipeline, edited again and again and run after each edit, against the truth.
import { readFileSync, rmSync } from 'node:fs'
import fc from 'fast-check'
import type { Event } from 'hone-engine'
import { Project } from '../rig.js'
import { emptyStore, forget, type Driver } from './drive.js'
import { filesOf } from './files.js'
import { nodesOf, type Node } from './truth.js'
import { edited, edits, emptyWorld, type Edit, type World } from './world.js'

export interface Step {
  readonly edits: readonly Edit[]
  /** Ends the run after so many events, if at all. */
  readonly endsAfter: number | undefined
}

export interface History {
  readonly made: readonly Edit[]
  readonly steps: readonly Step[]
  readonly shuffleSeed: number
}

const edit = (names: readonly (keyof typeof edits)[]): fc.Arbitrary<Edit> => fc.record({ edit: fc.constantFrom(...names), n: fc.nat(60), m: fc.nat(60), v: fc.nat(60) })
// Some are more telling than others.
const anyEdit = edit([...(Object.keys(edits) as (keyof typeof edits)[]), 'when', 'when', 'axis', 'constant', 'row', 'param', 'gather'])

export const histories: fc.Arbitrary<History> = fc.record({
  made: fc.tuple(fc.array(edit(['stage']), { minLength: 2, maxLength: 8 }), fc.array(anyEdit, { maxLength: 8 })).map(parts => parts.flat()),
  steps: fc.array(fc.record({ edits: fc.array(anyEdit, { maxLength: 3 }), endsAfter: fc.option(fc.integer({ min: 2, max: 14 }), { freq: 4, nil: undefined }) }), { minLength: 2, maxLength: 6 }),
  shuffleSeed: fc.nat(1000),
})

/** What was tried, for the last line. */
export interface Tried {
  pipelines: number
  runs: number
  interrupted: number
  nodes: number
  ran: number
  hits: number
  skipped: number
}
export const nothingTried = (): Tried => ({ pipelines: 0, runs: 0, interrupted: 0, nodes: 0, ran: 0, hits: 0, skipped: 0 })

/** Throws where a result is not that of a fresh run, or where something ran that was there already. */
export async function checkHistory(history: History, driver: Driver, tried: Tried): Promise<void> {
  tried.pipelines++
  const project = Project.make()
  /** Work that is in the store, and work that may be: an interrupted run was at it. */
  const [done, begun] = [new Set<string>(), new Set<string>()]
  try {
    let world = history.made.reduce(edited, edited(emptyWorld(), { edit: 'stage', n: 0, m: 1, v: 0 }))
    for (const [i, step] of [{ edits: [], endsAfter: undefined }, ...history.steps].entries()) {
      world = step.edits.reduce(edited, world)
      const nodes = nodesOf(world)
      for (const path of ['data', 'deep']) rmSync(project.path(path), { recursive: true, force: true })
      project.write(filesOf(world))
      if (step.endsAfter !== undefined) {
        noteInterrupted(await driver.run(project, { endsAfter: step.endsAfter, shuffleSeed: history.shuffleSeed }), nodes, done, begun)
        tried.interrupted++
      }
      await checkRun(world, nodes, { project, driver, done, begun, tried, shuffleSeed: history.shuffleSeed + i })
    }
  } finally {
    rmSync(project.root, { recursive: true, force: true })
  }
}

interface Surroundings {
  readonly project: Project
  readonly driver: Driver
  readonly done: Set<string>
  readonly begun: Set<string>
  readonly tried: Tried
  readonly shuffleSeed: number
}

type Finished = Extract<Event, { type: 'stage-finished' }>
const finishedOf = (events: readonly Event[]) => new Map(events.flatMap(e => (e.type === 'stage-finished' ? [[e.stage as string, e] as const] : [])))

function noteInterrupted(events: readonly Event[], nodes: readonly Node[], done: Set<string>, begun: Set<string>): void {
  const finished = finishedOf(events)
  for (const { name, identity, isSkipped } of nodes) {
    if (isSkipped) continue
    const status = finished.get(name)?.status
    if (status === 'ran' || status === 'hit') done.add(identity)
    // What was told last may lag behind what was done.
    else begun.add(identity)
  }
}

async function checkRun(world: World, nodes: readonly Node[], { project, driver, done, begun, tried, shuffleSeed }: Surroundings): Promise<void> {
  const plan = await driver.plan(project)
  const finished = finishedOf(await driver.run(project, { shuffleSeed }))
  const store = emptyStore()
  try {
    const fresh = finishedOf(await driver.run(project, { store, shuffleSeed: shuffleSeed + 1 }))
    const wrong: string[] = []
    const is = (what: string, found: unknown, expected: unknown) => found === expected || wrong.push(`${what}: ${found} instead of ${expected}`)
    is('nodes', [...finished.keys()].sort().join(), nodes.map(n => n.name).sort().join())
    for (const node of nodes) checkNode(node, finished.get(node.name), fresh.get(node.name), plan[node.name], is)
    checkSpared(nodes, finished, done, begun, wrong)
    if (wrong.length > 0) throw new Error(`${wrong.join('\n')}\n${filesOf(world)['pipeline.yaml']}`)
  } finally {
    forget(store)
  }
  tried.runs++
  tried.nodes += nodes.length
  for (const { status } of finished.values()) tried[status === 'ran' ? 'ran' : status === 'hit' ? 'hits' : 'skipped']++
}

type Is = (what: string, found: unknown, expected: unknown) => void

/** That a node ended as it must, and left the bytes that the truth and a fresh run give. */
function checkNode(node: Node, now: Finished | undefined, fresh: Finished | undefined, planned: string | undefined, is: Is): void {
  const { name, isSkipped } = node
  const status = now?.status
  const why = now?.failure?.message ?? ''
  is(`${name} is skipped ${why}`, status === 'skipped', isSkipped)
  is(`${name} is skipped in a fresh run`, fresh?.status === 'skipped', isSkipped)
  if (isSkipped) return
  is(`${name} is done ${why}`, status === 'ran' || status === 'hit', true)
  if (planned === 'hit') is(`${name}, planned as a hit`, status, 'hit')
  is(`${name} planned as skipped`, planned === 'skip', false)
  for (const port of ['out', 'side'] as const) {
    const read = (of: Finished | undefined) => { const path = of?.outputs[port]?.path; return path === undefined ? undefined : readFileSync(path, 'utf8') }
    is(`${name}.${port}`, read(now), node[port])
    is(`${name}.${port} of a fresh run`, read(fresh), node[port])
  }
}

/** That of the same work, one node ran if it was not in the store, and none if it was. */
function checkSpared(nodes: readonly Node[], finished: ReadonlyMap<string, Finished>, done: Set<string>, begun: Set<string>, wrong: string[]): void {
  const works = new Map<string, Node[]>()
  for (const node of nodes) if (!node.isSkipped) works.set(node.identity, [...(works.get(node.identity) ?? []), node])
  for (const [identity, same] of works) {
    const ran = same.filter(node => finished.get(node.name)?.status === 'ran')
    for (const node of same) if (!node.isCached && !ran.includes(node)) wrong.push(`${node.name} is not cached and did not run`)
    const cached = ran.filter(node => node.isCached)
    const names = same.map(node => `${node.name} (${finished.get(node.name)?.because.join('; ')})`).join(', ')
    if (done.has(identity) ? cached.length > 0 : cached.length > 1) wrong.push(`${cached.map(n => n.name).join(', ')} of ${names} ran, though ${done.has(identity) ? 'it was in the store' : 'one would do'}`)
    if (!done.has(identity) && !begun.has(identity) && ran.length === 0) wrong.push(`nobody ran ${names}`)
    done.add(identity)
    begun.delete(identity)
  }
}
