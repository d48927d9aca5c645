import { join } from 'node:path'
import type { Command } from 'commander'
import { foldLog, parseDuration, readEnds, readEvents, type RunState } from 'hone-engine'
import { columns } from '../terminal/columns.js'
import { duration } from '../terminal/format.js'
import { runIds, runsFolder } from './find-run.js'
import type { Shell } from '../shell.js'

interface Listed {
  readonly run: string
  readonly pipeline: string
  readonly file: string
  readonly status: string
  readonly startedAt: string | null
  readonly durationMs: number | null
  readonly stages: string
}

const statuses = ['succeeded', 'failed', 'interrupted', 'unfinished']

const counted = (statuses: Iterable<string>) => {
  const counts = new Map<string, number>()
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1)
  return [...counts].map(([status, n]) => `${n} ${status}`).join(', ')
}

/** A run that came to its end is told by its first and last event alone. */
async function listed(runs: string, run: string): Promise<Listed> {
  const { first, last } = await readEnds(join(runs, run))
  if (first?.type === 'run-started' && last?.type === 'run-finished') {
    return { run, pipeline: first.pipeline, file: first.file, status: last.status, startedAt: first.at, durationMs: last.durationMs, stages: counted(Object.values(last.stages)) }
  }
  const state: RunState = await foldLog(readEvents(join(runs, run)))
  return { run, pipeline: state.pipeline, file: state.file, status: state.status === 'running' ? 'unfinished' : state.status, startedAt: state.startedAt ?? null, durationMs: state.durationMs ?? null, stages: counted([...state.stages.values()].map(s => s.status)) }
}

/** When it began: a run's id starts with it. */
const startOf = (run: string) => Date.parse(run.replace(/^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-(\d{3})-.*/, '$1-$2-$3T$4:$5:$6.$7Z'))

/** `2h`, `3d` ago, or a date, in milliseconds since 1970; undefined where it is neither. */
function sinceMs(text: string, now: number): number | undefined {
  const ago = parseDuration(text)
  if (ago !== undefined) return now - ago
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(at) ? undefined : at
}

export function addRuns(program: Command, shell: Shell): void {
  program
    .command('runs')
    .description('The runs of this project, newest first.')
    .option('-n, --limit <n>', 'how many', shell.positiveInteger, 20)
    .option('--pipeline <name>', 'only those of this pipeline, by its name or file')
    .option('--status <status>', `only those that ${statuses.join(', ')}`)
    .option('--since <when>', 'only those begun since a date, or so long ago: 2026-11-25, 3d, 2h')
    .addHelpText('after', '\nExample:\n  hone runs --pipeline quickstart --status failed --since 7d')
    .action(async (flags: { limit: number; pipeline?: string; status?: string; since?: string }) => {
      if (flags.status !== undefined && !statuses.includes(flags.status)) return shell.refuse(`There is no status "${flags.status}"; there are ${statuses.join(', ')}.`)
      const since = flags.since === undefined ? -Infinity : sinceMs(flags.since, Date.now())
      if (since === undefined) return shell.refuse(`"${flags.since}" is no time: write a date (2026-11-25, 2026-11-25T10:00) or how long ago (2h, 3d).`)
      const runs = runsFolder()
      const found: Listed[] = []
      for (const run of runIds(runs)) {
        if (found.length === flags.limit || startOf(run) < since) break
        const one = await listed(runs, run)
        if (flags.pipeline !== undefined && one.pipeline !== flags.pipeline && one.file !== flags.pipeline) continue
        if (flags.status === undefined || one.status === flags.status) found.push(one)
      }
      const isFiltered = flags.pipeline !== undefined || flags.status !== undefined || flags.since !== undefined
      shell.answer({ runs: found }, () =>
        found.length === 0
          ? isFiltered && runIds(runs).length > 0
            ? 'No run is like that.'
            : 'No runs yet.'
          : columns([
              ['run', 'pipeline', 'status', 'took', 'stages'].map(shell.out.dim),
              ...found.map(r => [r.run, r.pipeline, r.status === 'succeeded' ? shell.out.green(r.status) : shell.out.yellow(r.status), r.durationMs === null ? '' : duration(r.durationMs), r.stages]),
            ]),
      )
    })
}
