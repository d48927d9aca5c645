import type { ComparedStage, Comparison, RunState } from 'hone-engine'
import { columns } from './columns.js'
import { duration, number } from './format.js'
import type { Palette } from './palette.js'

interface Compared {
  readonly id: string
  readonly state: RunState
}

/** What changed between two runs: parameters, then each stage that differs with why and with its metrics, then those that are the same. */
export function comparison(before: Compared, after: Compared, { params, stages }: Comparison, palette: Palette): string {
  const parts = [`${before.id} (${before.state.pipeline}) → ${after.id} (${after.state.pipeline})`]
  const changedParams = Object.entries(params)
  if (changedParams.length > 0) parts.push(changedParams.map(([name, { before: was, after: is }]) => `params.${name}: ${written(was)} → ${written(is)}`).join('\n'))
  const differing = stages.filter(stage => stage.kind !== 'same' || !isSteady(stage))
  for (const stage of differing) parts.push(stageText(stage, palette))
  const same = stages.filter(stage => !differing.includes(stage)).map(stage => stage.stage)
  if (same.length > 0) parts.push(palette.dim(`${same.length === stages.length ? 'all stages are' : same.length === 1 ? 'one stage is' : `${same.length} stages are`} the same: ${same.slice(0, mostNamed).join(', ')}${same.length > mostNamed ? ', …' : ''}`))
  return parts.join('\n\n')
}

const mostNamed = 20
const written = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value))
/** Under one key the metrics are those of one record; what fails may still leave others. */
const isSteady = ({ metrics }: ComparedStage) => Object.values(metrics).every(({ difference }) => difference === 0)

function stageText({ stage, uses, kind, status, described, metrics, durationMs }: ComparedStage, palette: Palette): string {
  const told = {
    same: ['nothing in its key differs'],
    changed: described ?? ['its key differs; the records that would tell how are gone'],
    unkeyed: [status.before === status.after ? 'it has no key to compare' : `${status.before} → ${status.after}`],
    'only before': ['only the first run has it'],
    'only after': ['only the second run has it'],
  }[kind]
  // Standard errors and bounds say how sure the rest is; the JSON has them.
  const rows = Object.entries(metrics)
    .filter(([name]) => !/_stderr$|_low$|_high$/.test(name))
    .map(([name, { before, after, difference }]) => [`  ${name}`, before === undefined ? 'none' : number(before), after === undefined ? 'none' : number(after), difference === undefined ? '' : signed(difference)])
  const took = status.before === 'ran' && status.after === 'ran' ? [[palette.dim('  took'), palette.dim(duration(durationMs.before!)), palette.dim(duration(durationMs.after!)), '']] : []
  return [`${palette.bold(stage)} ${palette.dim(`(${uses})`)}`, ...told.map(reason => `  ${reason}`), ...(rows.length > 0 ? [columns([...rows, ...took])] : [])].join('\n')
}

const signed = (difference: number): string => (difference === 0 ? '=' : `${difference > 0 ? '+' : '−'}${number(Math.abs(difference))}`)
