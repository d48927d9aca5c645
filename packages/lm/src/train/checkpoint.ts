import { mkdir, open, readFile, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { TrainHistory } from './history.js'
import type { Parameter } from './parameters.js'

/** A folder of its own a checkpoint: `step-000120/` with state.json and parameters.bin (value, m and v of each parameter, float32). */
const format = 1
const keep = 2
const folderOf = (step: number) => `step-${String(step).padStart(9, '0')}`
const folderPattern = /^step-(\d+)$/
const largestWrite = 1 << 30

interface State {
  readonly format: number
  readonly identity: string
  readonly step: number
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[]
  readonly history: TrainHistory
}

export interface LoadedCheckpoint {
  readonly step: number
  readonly history: TrainHistory
  readonly path: string
}

const bytesOf = (array: Float32Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
const stateOf = (parameters: readonly Parameter[]) => parameters.flatMap(p => [p.value, p.m, p.v])
const totalBytes = (parameters: readonly Parameter[]) => parameters.reduce((n, p) => n + 3 * 4 * p.elements, 0)

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) done += (await file.write(bytes, done, Math.min(largestWrite, bytes.byteLength - done))).bytesWritten
}

async function writeFile(path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (const part of parts) await writeAll(file, part)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes a rename in `dir` last over a loss of power. Some systems cannot open a folder; there the rename alone must do. */
async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, 'r').catch(() => undefined)
  try {
    await handle?.sync().catch(() => undefined)
  } finally {
    await handle?.close()
  }
}

async function stepsIn(dir: string): Promise<number[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names.map(n => folderPattern.exec(n)?.[1]).filter(n => n !== undefined).map(Number).sort((a, b) => b - a)
}

/**
 * Writes parameters, moments, step and history to `dir`, whole or not at all: into a folder beside, synced, then renamed. The two
 * newest are kept. Answers its path.
 */
export async function saveCheckpoint(dir: string, identity: string, step: number, parameters: readonly Parameter[], history: TrainHistory): Promise<string> {
  await mkdir(dir, { recursive: true })
  const path = join(dir, folderOf(step))
  const beside = `${path}.tmp`
  // What a killed process left half-written.
  for (const name of await readdir(dir)) if (name.endsWith('.tmp')) await rm(join(dir, name), { recursive: true, force: true })
  try {
    await mkdir(beside)
    await writeFile(join(beside, 'parameters.bin'), stateOf(parameters).map(bytesOf))
    const state: State = { format, identity, step, parameters: parameters.map(({ name, shape }) => ({ name, shape })), history }
    await writeFile(join(beside, 'state.json'), [Buffer.from(JSON.stringify(state))])
    await syncFolder(beside)
    // Only after an interrupted save of the very same step is there one already.
    await rm(path, { recursive: true, force: true })
    await rename(beside, path)
    await syncFolder(dir)
  } catch (error) {
    await rm(beside, { recursive: true, force: true }).catch(() => undefined)
    throw error
  }
  for (const old of (await stepsIn(dir)).slice(keep)) await rm(join(dir, folderOf(old)), { recursive: true, force: true })
  return path
}

/** What else keeps a checkpoint from being used. */
interface Refusals {
  /** In place of the words for a run that was interrupted. */
  readonly otherIdentity: string
  refuse(step: number, history: TrainHistory): string | undefined
}

async function readState(path: string, identity: string, parameters: readonly Parameter[], refusals?: Refusals): Promise<State | string> {
  let state: State
  try {
    state = JSON.parse(await readFile(join(path, 'state.json'), 'utf8')) as State
  } catch (error) {
    return `state.json cannot be read: ${(error as Error).message}`
  }
  if (state.format !== format) return `it is of format ${state.format}, this program reads ${format}`
  if (state.identity !== identity) return refusals?.otherIdentity ?? 'it belongs to other data or another configuration'
  const same = state.parameters.length === parameters.length && state.parameters.every((p, i) => p.name === parameters[i]!.name && p.shape.join() === parameters[i]!.shape.join())
  if (!same) return 'its parameters are not those of this model'
  const { size } = await stat(join(path, 'parameters.bin')).catch(() => ({ size: -1 }))
  if (size !== totalBytes(parameters)) return 'parameters.bin is missing or cut short'
  return refusals?.refuse(state.step, state.history) ?? state
}

/**
 * Fills the parameters from the newest checkpoint in `dir` that belongs to `identity` and is whole. Each that is passed over is told
 * to `onIgnored`. Undefined, and nothing touched, where there is none.
 */
export async function loadCheckpoint(
  dir: string, identity: string, parameters: readonly Parameter[], onIgnored: (message: string) => void, refusals?: Refusals,
): Promise<LoadedCheckpoint | undefined> {
  for (const step of await stepsIn(dir)) {
    const path = join(dir, folderOf(step))
    const state = await readState(path, identity, parameters, refusals)
    if (typeof state === 'string') {
      onIgnored(refusals ? state : `The checkpoint of step ${step} is not used: ${state}`)
      continue
    }
    const file = await open(join(path, 'parameters.bin'), 'r')
    try {
      let position = 0
      for (const array of stateOf(parameters)) {
        const bytes = bytesOf(array)
        for (let done = 0; done < bytes.byteLength; ) {
          const { bytesRead } = await file.read(bytes, done, Math.min(largestWrite, bytes.byteLength - done), position)
          if (bytesRead === 0) throw new Error(`${path} ends in the middle`)
          done += bytesRead
          position += bytesRead
        }
      }
    } finally {
      await file.close()
    }
    return { step: state.step, history: state.history, path }
  }
  return undefined
}
