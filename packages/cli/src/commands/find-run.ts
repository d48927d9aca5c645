import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { didYouMean, findProjectRoot, foldLog, openStore, readEvents, storeRoot, type FileStore, type RunState } from 'hone-engine'
import type { Shell } from '../shell.js'

const projectRoot = () => findProjectRoot(join(process.cwd(), 'pipeline.yaml'))

/** The folder of all runs of the project that the current folder is in. */
export const runsFolder = () => join(storeRoot(projectRoot()), 'runs')

/** The store of that project. */
export const openHere = (): Promise<FileStore> => openStore({ root: storeRoot(projectRoot()), projectRoot: projectRoot() })

/** Newest first. */
export const runIds = (runs: string): string[] => (existsSync(runs) ? readdirSync(runs).filter(name => /^\d{8}-/.test(name)).sort().reverse() : [])

/** How a run is named on the command line. */
export const runArgument = 'its id, the beginning of it, `last`, or `last~1` for the one before'

/** The id of the run that is named so; says which runs there are where it is none. */
export function findRunId(shell: Shell, wanted: string): string | undefined {
  const runs = runsFolder()
  const ids = runIds(runs)
  const back = /^last(?:~(\d+))?$/.exec(wanted)
  const id = back ? ids[Number(back[1] ?? 0)] : (ids.find(run => run === wanted) ?? ids.find(run => run.startsWith(wanted)))
  if (id === undefined) {
    const near = didYouMean(wanted, ids.length === 0 ? [] : ['last', ...ids.slice(0, 50)])
    return shell.refuse(`There is no run "${wanted}" in ${runs}.${near ? ` ${near}` : ''} \`hone runs\` lists them.`)
  }
  return id
}

export interface Run {
  readonly id: string
  readonly dir: string
  readonly state: RunState
}

/** What became of that run, by its events. */
export async function findRun(shell: Shell, wanted: string): Promise<Run | undefined> {
  const id = findRunId(shell, wanted)
  if (id === undefined) return undefined
  const dir = join(runsFolder(), id)
  return { id, dir, state: await foldLog(readEvents(dir)) }
}
