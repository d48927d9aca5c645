import { createHook } from 'node:async_hooks'
import { lstatSync, readdirSync, readFile } from 'node:fs'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

/** How long what a stage left running is waited for. */
const graceMs = 1000

/** The work of the disk that is under way, where this process does not tell of all. */
let followed: Set<number> | undefined

/** Node 26 reads and writes a whole file in one piece of work that `getActiveResourcesInfo` leaves out; earlier ones tell of it. */
async function followWhatIsNotTold(): Promise<void> {
  const told = () => process.getActiveResourcesInfo().filter(isOfDisk).length
  const before = told()
  const done = new Promise<void>(resolve => readFile(devNull, () => resolve()))
  const isTold = told() > before
  await done
  if (isTold) return
  const ids = (followed = new Set<number>())
  const over = (id: number) => void ids.delete(id)
  // `trackPromises` is not in the types of Node 20, which does not come here.
  createHook({ init: (id, kind) => void (isOfDisk(kind) && ids.add(id)), after: over, destroy: over, ...({ trackPromises: false } as object) }).enable()
}
const isOfDisk = (kind: string): boolean => /^fsreq/i.test(kind)

let following: Promise<void> | undefined

/** What keeps this thread from ending: timers, sockets, work of the disk; each kind and how many. */
function alive(): Map<string, number> {
  const found = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) if (!followed || !isOfDisk(kind)) found.set(kind, (found.get(kind) ?? 0) + 1)
  if (followed && followed.size > 0) found.set('FSReqCallback', followed.size)
  return found
}

/** Whether a stage has done all it does when its function returns cannot be seen from its promise: it is looked whether it left anything that goes on. */
export class Begun {
  readonly #before = alive()

  private constructor() {}

  /** To be asked for before the function is called. */
  static async start(): Promise<Begun> {
    await (following ??= followWhatIsNotTold())
    return new Begun()
  }

  /** The kinds of what was begun since and would keep a script from ending. */
  #goingOn(): readonly string[] {
    return [...alive()].filter(([kind, n]) => n > (this.#before.get(kind) ?? 0)).map(([kind]) => kind)
  }

  /**
   * To be asked when the function has returned. Waits a while for what still goes on; answers the paths that were written meanwhile, and what kinds of
   * things went on even then. `isEnough` ends the wait.
   */
  async ended(paths: readonly string[], isEnough: () => boolean): Promise<{ readonly written: readonly string[]; readonly goingOn: readonly string[] }> {
    await nextTurn()
    let goingOn = this.#goingOn()
    // A process that has ended is there until the end of its turn: looking at all outputs for it would be most of what the stage takes after its command.
    if (goingOn.length > 0 && goingOn.every(kind => kind === 'ProcessWrap')) {
      await nextTurn()
      goingOn = this.#goingOn()
    }
    if (goingOn.length === 0) return { written: [], goingOn }
    const before = new Map(paths.map(path => [path, stateOf(path)]))
    for (let waitMs = 1, endsAt = performance.now() + graceMs; goingOn.length > 0 && !isEnough() && performance.now() < endsAt; waitMs = Math.min(waitMs * 2, 20)) {
      await sleep(waitMs)
      goingOn = this.#goingOn()
    }
    return { written: paths.filter(path => stateOf(path) !== before.get(path)), goingOn }
  }
}

/** Changes with any file at or below a path; the same for one that is not there. */
function stateOf(path: string): string {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  if (!stat) return ''
  if (stat.isDirectory()) return readdirSync(path).sort().map(name => `${name} ${stateOf(join(path, name))}`).join('\n')
  return `${stat.ino} ${stat.size} ${stat.mtimeNs}`
}
