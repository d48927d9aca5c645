import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { isDigest } from './digest.js'
import type { StoreIo } from './io.js'
import { layout } from './layout.js'
import type { Digest, JsonObject, OutputRecord } from './types.js'

/** What a stage kept beside a result, so that a later run of it can go on from there. `state` is a folder among the objects. */
export interface KeptState {
  readonly key: Digest
  /** The parameters in which results of one family differ. */
  readonly params: JsonObject
  readonly state: OutputRecord
  readonly finishedAt: string
}

/** So many of one family are kept, the newest. */
const mostOfFamily = 2

const isKept = (value: unknown): value is KeptState =>
  typeof value === 'object' && value !== null && isDigest(String((value as KeptState).key)) && isDigest(String((value as KeptState).state?.digest)) && typeof (value as KeptState).params === 'object'

/** The states of results that share all but some parameters, newest first. What cannot be read is none. */
export function keptStates({ fs }: StoreIo, root: string, family: string): KeptState[] {
  const dir = join(layout(root).states, family)
  if (!fs.statSync(dir, { throwIfNoEntry: false })) return []
  const states = fs.readdirSync(dir).filter(name => name.endsWith('.json')).flatMap((name): KeptState[] => {
    try {
      const value: unknown = JSON.parse(fs.readFileSync(join(dir, name), 'utf8'))
      return isKept(value) ? [value] : []
    } catch {
      return []
    }
  })
  return states.sort((a, b) => (a.finishedAt < b.finishedAt ? 1 : a.finishedAt > b.finishedAt ? -1 : a.key < b.key ? -1 : 1))
}

/** Notes a state, and drops what is beyond the newest of its family; gc then frees the bytes. */
export function keepState(io: StoreIo, root: string, family: string, state: KeptState): void {
  const { fs } = io
  const dir = join(layout(root).states, family)
  fs.mkdirSync(dir, { recursive: true })
  const fresh = join(dir, `${state.key}.${randomBytes(6).toString('hex')}`)
  fs.writeFileSync(fresh, JSON.stringify(state))
  fs.renameSync(fresh, join(dir, `${state.key}.json`))
  for (const { key } of keptStates(io, root, family).slice(mostOfFamily)) fs.rmSync(join(dir, `${key}.json`), { force: true })
}
