import { relative } from 'node:path'
import { shellWord } from 'hone-engine'
import type { Failure, RunState, StageState } from 'hone-engine'
import { columns, fittedStages } from './columns.js'
import { duration, number } from './format.js'
import type { Palette } from './palette.js'

const tints = { ran: 'green', hit: 'green', failed: 'red', skipped: 'dim', cancelled: 'yellow' } as const
const mostMetrics = 3
/** Beyond so many lines hits without a metric are only counted. */
const mostRows = 60

/**
 * The first metrics of a stage, by name as a record keeps them, for a line of a display: without standard errors, counts of rows and what is by task,
 * and what only counts the work after what was measured.
 */
export const shownMetrics = (values: Readonly<Record<string, number>>, most: number): [string, number][] =>
  Object.entries(values)
    .filter(([name]) => !/_stderr$|_low$|_high$|_before$|\/|^rows$/.test(name))
    .sort(([a], [b]) => Number(isCount(a)) - Number(isCount(b)) || (a < b ? -1 : 1))
    .slice(0, most)
const isCount = (name: string) => /(^|_)(steps|tokens|parameters)$/.test(name)

export interface Surroundings {
  readonly palette: Palette
  /** Paths are shown relative to it. */
  readonly cwd: string
  /** The text with each command in it as it can be typed. */
  readonly asTyped: (text: string) => string
}

/** The end of a run: failures with their causes, the table of stages, what was published, and what to type next. `width` is the terminal's, Infinity where there is none. */
export function runSummary(state: RunState, options: Surroundings & { file: string; width: number }): string {
  const { palette, file, width, asTyped } = options
  const stages = [...state.stages.values()]
  const parts: string[] = []
  for (const stage of stages) {
    const failure = stage.status === 'failed' ? stage.failures.at(-1) : undefined
    if (failure) parts.push(failureText(stage.stage, stage.uses, failure, options))
  }
  const metrics = (values: Readonly<Record<string, number>>) => {
    return shownMetrics(values, mostMetrics).map(([name, value]) => `${name} ${number(value)}`).join(', ')
  }
  const isPlain = (s: StageState) => s.status === 'hit' && Object.keys(s.metrics).length === 0
  const listed = stages.length > mostRows ? stages.filter(s => !isPlain(s)) : stages
  const rows = listed.map(s => {
    const tint = s.status in tints ? palette[tints[s.status as keyof typeof tints]] : palette.dim
    return [s.stage, palette.dim(s.uses), tint(s.status), s.status === 'ran' || s.status === 'failed' ? duration(s.durationMs ?? 0) : '', metrics(s.metrics) || (s.status === 'skipped' ? (s.because[0] ?? '') : '')]
  })
  if (rows.length > 0) parts.push(columns(fittedStages(rows, width), width))
  const published = stages.flatMap(s => s.published.map(p => `${palette.dim('published')} ${relative(options.cwd, p.path) || p.path} ${palette.dim(`(${s.stage}.${p.port})`)}`))
  if (published.length) parts.push(published.join('\n'))
  const count = (status: string) => stages.filter(s => s.status === status).length
  const counted = (['ran', 'hit', 'failed', 'skipped', 'cancelled'] as const).filter(s => count(s)).map(s => `${count(s)} ${s}`)
  parts.push(`${palette.bold(state.status)}: ${counted.join(', ')} in ${duration(state.durationMs ?? 0)}`)
  const failed = stages.filter(s => s.status === 'failed')
  const again = typedAgain(state.args, file)
  if (failed.length > 0) parts.push(failed.slice(0, mostNext).map(s => `${palette.dim('next:')} ${asTyped(afterFailure(s, state.run, again))}`).join('\n'))
  else if (state.status === 'interrupted') parts.push(`${palette.dim('next:')} ${asTyped(again)}   goes on where it stopped`)
  return `\n${parts.join('\n\n')}\n`
}

const mostNext = 3
function afterFailure({ stage, failures }: StageState, run: string, again: string): string {
  const failure = failures.at(-1)
  return failure?.output || failure?.stack ? `hone show ${run} ${shellWord(stage)} --log` : `${again}   once that is mended; what is done is kept`
}

const makesAnew = /^--(force|from|refresh)(=|$)/

/** The command as it was typed, parameters and all, but for what would make anew what is done by now. */
function typedAgain(args: readonly string[], file: string): string {
  const isKept = (arg: string, i: number) => !makesAnew.test(arg) && !/^--(from|refresh)$/.test(args[i - 1] ?? '')
  const kept = args.filter(isKept)
  return `hone ${(kept[0] === 'run' ? kept : ['run', file]).map(shellWord).join(' ')}`
}

/** A failure in the form of a diagnostic: who, what, the last lines it printed, where all of it is, what to try. */
export function failureText(stage: string, uses: string, failure: Failure, { palette, cwd, asTyped }: Surroundings): string {
  const place = failurePlace(failure, cwd)
  const [message, ...rest] = messageLines(failure)
  const lines = [`${place ? `${palette.bold(place)} ` : ''}${palette.red('failed:')} ${palette.bold(stage)} (${uses}): ${message}`, ...rest.map(line => `  ${line}`)]
  if (failure.output?.tail) {
    lines.push(...failure.output.tail.trimEnd().split('\n').slice(-12).map(line => `  ${palette.dim('|')} ${line}`))
    lines.push(`  ${palette.dim(`all of it: ${relative(cwd, failure.output.file) || failure.output.file}`)}`)
  }
  if (failure.hint) lines.push(`  ${palette.cyan('hint:')} ${asTyped(failure.hint)}`)
  return lines.join('\n')
}

const longestMessage = 300
const mostMessageLines = 8

/** The message of a failure in lines that a terminal can show: the first says what, the rest of a long one is in the log. */
export function messageLines({ message }: Failure): string[] {
  const lines = message.trim().split('\n').map(line => (line.length > longestMessage ? `${line.slice(0, longestMessage)}…` : line))
  return lines.length > mostMessageLines ? [...lines.slice(0, mostMessageLines), '…'] : lines
}

/** `FILE:LINE:COLUMN` of a failure, relative to where the command was typed; undefined where there is no place. */
export function failurePlace({ diagnostic }: Failure, cwd: string): string | undefined {
  const place = diagnostic?.range
  return place && `${relative(cwd, place.file)}:${place.line}:${place.column}`
}
