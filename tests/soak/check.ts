// What must hold of a run.
import type { Event } from 'hone-engine'
import type { Project } from '../rig.js'
import { publishedAt } from './files.js'
import { contentOf } from './folder.js'
import type { Lost } from './damage.js'
import type { Node } from './truth.js'

/** Work that is in the store, and work that may be: an interrupted run was at it. */
export interface Known {
  readonly done: Set<string>
  readonly begun: Set<string>
  /** The node that did a work, and whose key was told. */
  readonly made: Map<string, Node>
  readonly byKey: Map<string, string>
  /** What was at work in each run, newest first. */
  readonly runs: { readonly isGood: boolean; readonly identities: readonly string[] }[]
  /** Whether the store still tells what each run used. */
  areRunsWhole: boolean
}
export const nothingKnown = (): Known => ({ done: new Set(), begun: new Set(), made: new Map(), byKey: new Map(), runs: [], areRunsWhole: true })

export interface Conditions {
  readonly project: Project
  /** By node, what was to happen. */
  readonly plan?: Readonly<Record<string, string>>
  readonly outage?: 'lasting' | 'first'
  /** The names of nodes that run whatever the store has. */
  readonly forced?: ReadonlySet<string>
}

type Finished = Extract<Event, { type: 'stage-finished' }>
type ByNode = ReadonlyMap<string, Finished>
const none: ReadonlySet<string> = new Set()
type Is = (what: string, found: unknown, expected: unknown) => void

const finishedOf = (events: readonly Event[]): ByNode => new Map(events.flatMap(e => (e.type === 'stage-finished' ? [[e.stage, e] as const] : [])))
const failureOf = (of: Finished | undefined) => of?.failure?.message ?? ''

/** Says all that is wrong at once. */
function collect(check: (is: Is, wrong: string[]) => void): void {
  const wrong: string[] = []
  check((what, found, expected) => found === expected || wrong.push(`${what}: ${found} instead of ${expected}`), wrong)
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
}

/** That a run came to its end as it must, left the bytes of the truth, and did nothing that was done already. Answers how each node ended. */
export function checkRun(nodes: readonly Node[], events: readonly Event[], known: Known, conditions: Conditions): ByNode {
  const finished = finishedOf(events)
  const { outage, forced = none, plan, project } = conditions
  noteRun(events, nodes, known)
  collect((is, wrong) => {
    checkNames(nodes, finished, is)
    const failed = expectFailures(nodes, finished, known, conditions, is)
    for (const node of nodes) {
      if (plan) checkPlanned(node, finished.get(node.name), plan[node.name], is)
      if (!failed.has(node.name)) checkNode(node, finished.get(node.name), is)
    }
    const ended = nodes.filter(node => !failed.has(node.name))
    if (!outage) checkPublished(ended, project, is)
    for (const { name, isSkipped } of ended) if (forced.has(name) && !isSkipped) is(`${name}, forced`, finished.get(name)?.status, 'ran')
    for (const e of events) if (e.type === 'nondeterministic') wrong.push(`${e.stage}.${e.port} was other bytes the last time`)
    checkSpared(ended, [finished], known, wrong, forced)
  })
  return finished
}

/** The same of two runs at a time: they share what they do. */
export function checkTogether(nodes: readonly Node[], runs: readonly (readonly Event[])[], known: Known, project: Project): void {
  const both = runs.map(finishedOf)
  for (const events of runs) noteRun(events, nodes, known)
  collect((is, wrong) => {
    for (const finished of both) {
      checkNames(nodes, finished, is)
      for (const node of nodes) checkNode(node, finished.get(node.name), is)
    }
    checkPublished(nodes, project, is)
    checkSpared(nodes, both, known, wrong)
  })
}

export function checkFresh(nodes: readonly Node[], events: readonly Event[], project: Project): void {
  const finished = finishedOf(events)
  collect((is, wrong) => {
    checkNames(nodes, finished, is)
    for (const node of nodes) checkNode(node, finished.get(node.name), is)
    checkPublished(nodes, project, is)
    checkSpared(nodes, [finished], nothingKnown(), wrong)
    for (const [i, line] of wrong.entries()) wrong[i] = `in a fresh run, ${line}`
  })
}

/** Whether what a selection needs is known to be in the store, as `--only` asks for; undefined where it may be. */
export function isThere(needed: readonly Node[], { done, begun }: Known): boolean | undefined {
  const lacking = needed.filter(({ isSkipped, isCached, identity }) => !isSkipped && !(isCached && done.has(identity)))
  return lacking.length === 0 || (lacking.every(({ isCached, identity }) => isCached && begun.has(identity)) ? undefined : false)
}

export function noteInterrupted(events: readonly Event[], nodes: readonly Node[], known: Known): void {
  const finished = finishedOf(events)
  noteRun(events, nodes, known)
  for (const node of nodes) {
    if (node.isSkipped) continue
    const status = finished.get(node.name)?.status
    if (status === 'ran' || status === 'hit') noteDone(node, known)
    // What was told last may lag behind what was done.
    else if (!known.done.has(node.identity)) known.begun.add(node.identity)
  }
}

/** After `cache gc`: what neither the last good run nor the newest ones used is gone; where the store no longer tells what they used, it may be. */
export function noteCollected({ runs, done, begun, areRunsWhole }: Known, keep: number): void {
  const lastGood = runs.findIndex(run => run.isGood)
  const kept = new Set(runs.filter((_, i) => i < keep || i === lastGood).flatMap(run => run.identities))
  for (const identity of done) {
    if (areRunsWhole && kept.has(identity)) continue
    done.delete(identity)
    if (!areRunsWhole) begun.add(identity)
  }
}

function noteRun(events: readonly Event[], nodes: readonly Node[], { runs, byKey }: Known): void {
  const finished = finishedOf(events)
  for (const { name, identity } of nodes) byKey.set(finished.get(name)?.key ?? '', identity)
  const isGood = events.some(e => e.type === 'run-finished' && e.status === 'succeeded')
  runs.unshift({ isGood, identities: nodes.filter(({ name }) => ['ran', 'hit'].includes(finished.get(name)?.status ?? '')).map(node => node.identity) })
}

/** Of what is lost in the store nobody can say whether it is done again: equal bytes may have come back by then. */
export function noteLost({ texts, key, isRun }: Lost, known: Known): void {
  const { done, begun, made, byKey } = known
  known.areRunsWhole &&= !isRun
  const isLost = ({ out, side, box }: Node) => texts.some(text => text === out || text === side || box.includes(text))
  for (const identity of done) {
    if (!isLost(made.get(identity)!) && identity !== (key && byKey.get(key))) continue
    done.delete(identity)
    begun.add(identity)
  }
}

function noteDone(node: Node, { done, begun, made }: Known): void {
  const { identity } = node
  made.set(identity, node)
  done.add(identity)
  begun.delete(identity)
}

const checkNames = (nodes: readonly Node[], finished: ByNode, is: Is) => is('nodes', [...finished.keys()].sort().join(), nodes.map(n => n.name).sort().join())

/** The nodes that an outage lets fail, and those that come after them and are skipped for it. */
function expectFailures(nodes: readonly Node[], finished: ByNode, { done, begun }: Known, { outage, forced = none }: Conditions, is: Is): ReadonlySet<string> {
  const without = new Set<string>()
  if (!outage) return without
  for (const node of nodes) {
    const { name, identity } = node
    const status = finished.get(name)?.status
    if (node.after.some(before => without.has(before))) {
      is(`${name} after a failure`, status, 'skipped')
      without.add(name)
    } else if (node.isFragile && !node.isSkipped && (!node.isCached || forced.has(name) || !done.has(identity))) {
      // The first of two that do the same may fail for both; a scratch may know of an earlier outage.
      const mayHold = begun.has(identity) || (outage === 'first' && node.attempts === 1)
      const mustHold = outage === 'first' && node.attempts > 1
      if (!mayHold) is(`${name} in an outage ${finished.get(name)?.because.join("; ")} ${failureOf(finished.get(name))}`, status === 'failed', !mustHold)
      if (status === 'failed') without.add(name)
    }
  }
  return without
}

/** That a node ended as it must, and left the bytes that the truth gives. */
function checkNode(node: Node, now: Finished | undefined, is: Is): void {
  const { name, isSkipped } = node
  const status = now?.status
  is(`${name} is skipped ${failureOf(now)}`, status === 'skipped', isSkipped)
  if (isSkipped) return
  is(`${name} is done ${now?.because.join("; ")} ${failureOf(now)}`, status === 'ran' || status === 'hit', true)
  for (const port of ['out', 'side', 'box'] as const) {
    const path = now?.outputs[port]?.path
    is(`${name}.${port}`, path === undefined ? undefined : contentOf(path), node[port])
  }
}

function checkPlanned({ name, isSkipped }: Node, now: Finished | undefined, planned: string | undefined, is: Is): void {
  if (!isSkipped && planned === 'hit') is(`${name}, planned as a hit`, now?.status, 'hit')
  if (!isSkipped) is(`${name} planned as skipped`, planned === 'skip', false)
}

function checkPublished(nodes: readonly Node[], project: Project, is: Is): void {
  for (const { name, publish, isSkipped, ...node } of nodes) {
    if (!publish || isSkipped) continue
    const path = publishedAt(publish)
    is(`${path} of ${name}`, project.has(path) ? contentOf(project.path(path)) : undefined, node[publish.port])
  }
}

/** That of the same work, one node ran if it was not in the store, and none if it was. */
function checkSpared(nodes: readonly Node[], runs: readonly ByNode[], known: Known, wrong: string[], forced = none): void {
  const works = new Map<string, Node[]>()
  for (const node of nodes) if (!node.isSkipped) works.set(node.identity, [...(works.get(node.identity) ?? []), node])
  for (const [identity, same] of works) {
    const isDone = known.done.has(identity)
    let [ran, kept] = [0, 0]
    for (const finished of runs) {
      for (const { name, isCached } of same) {
        const hasRun = finished.get(name)?.status === 'ran'
        if (!isCached && !hasRun) wrong.push(`${name} is not cached and did not run`)
        ran += Number(hasRun)
        kept += Number(hasRun && isCached && !forced.has(name))
      }
    }
    const names = same.map(({ name }) => `${name} (${runs.map(finished => finished.get(name)?.because.join('; ')).join(' | ')})`).join(', ')
    if (isDone ? kept > 0 : kept > 1) wrong.push(`${kept} of ${names} ran, though ${isDone ? 'it was in the store' : 'one would do'}`)
    if (!isDone && !known.begun.has(identity) && ran === 0) wrong.push(`nobody ran ${names}`)
    noteDone(same[0]!, known)
  }
}
