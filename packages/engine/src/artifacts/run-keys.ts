import { join } from 'node:path'
import { isDigest } from './digest.js'
import type { FileStore } from './store.js'
import type { Digest } from './types.js'
import { namesIn } from './walk.js'

/** What gc asks of a run: which results it made or used, and how it ended. */
export interface RunSummary {
  readonly id: string
  readonly pipeline: string
  /** Undefined while it goes on, or when it was killed. */
  readonly status: string | undefined
  readonly isPinned: boolean
  readonly startedAt: string
  readonly touchedMs: number
  readonly keys: ReadonlySet<Digest>
}

/** All runs with an event log, newest first. A torn line is passed over. */
export function readRuns({ io: { fs }, at }: FileStore): RunSummary[] {
  const runs: RunSummary[] = []
  for (const id of namesIn(fs, at.runs)) {
    if (!namesIn(fs, join(at.runs, id)).includes('events.jsonl')) continue
    const log = join(at.runs, id, 'events.jsonl')
    const stat = fs.statSync(log, { throwIfNoEntry: false })
    if (!stat) continue
    let [pipeline, startedAt, status] = ['', '', undefined as string | undefined]
    const keys = new Set<Digest>()
    for (const line of fs.readFileSync(log, 'utf8').split('\n')) {
      // Most of a log is output and progress: only these three need parsing.
      const type = /"type":"(run-started|stage-finished|run-finished)"/.exec(line)?.[1]
      if (type === undefined) continue
      const event = parse(line)
      if (event === undefined || event.type !== type) continue
      if (type === 'run-started') [pipeline, startedAt] = [String(event.file), String(event.at)]
      else if (type === 'run-finished') status = String(event.status)
      else if (typeof event.key === 'string' && isDigest(event.key)) keys.add(event.key)
    }
    runs.push({ id, pipeline, status, startedAt, keys, isPinned: fs.existsSync(join(at.runs, id, 'pinned')), touchedMs: stat.mtimeMs })
  }
  return runs.sort((a, b) => (a.startedAt < b.startedAt ? 1 : a.startedAt > b.startedAt ? -1 : a.id < b.id ? 1 : -1))
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}
