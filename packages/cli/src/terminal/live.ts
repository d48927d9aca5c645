import { createLogUpdate } from 'log-update'
import { advance, type Event, type RunState, type StageState } from 'hone-engine'
import { duration, number, roughly } from './format.js'
import type { Palette } from './palette.js'
import { stageProgress } from './stage-progress.js'
import { shownMetrics } from './summary.js'
import { cut, pad } from './text-width.js'

const signs = { pending: '·', waiting: '·', retrying: '↻', running: '●', ran: '✓', hit: '✓', failed: '✗', skipped: '-', cancelled: '■' } as const
const isBusy = (stage: StageState) => stage.status === 'running' || stage.status === 'retrying' || stage.status === 'waiting'
const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim()
/** From so many columns on the lines also say what each stage is. */
const wide = 100

function runningDetail(stage: StageState, width: number, now: number): string {
  if (stage.status === 'waiting') return `waits for ${stage.waitsFor ?? 'its key'}`
  if (stage.status === 'retrying') return `failed: ${oneLine(stage.failures.at(-1)?.message ?? '')}; tries again`
  return stageProgress(stage, width, now)
}

/** The lines of the display: running stages in full; when there are more stages than lines, what is done or waits is counted. */
export function drawProgress(state: RunState, options: { columns: number; rows: number; now: number; palette: Palette }): string[] {
  const { columns, rows, now, palette } = options
  const stages = [...state.stages.values()]
  const names = Math.min(28, Math.max(8, Math.floor(columns * 0.35)), Math.max(4, ...stages.map(v => v.stage.length)))
  const line = (stage: StageState) => {
    const name = pad(cut(stage.stage, names), names)
    const uses = columns >= wide ? `${pad(cut(stage.uses, 24), 24)}  ` : ''
    const room = columns - names - 4 - uses.length
    const sign = signs[stage.status]
    switch (stage.status) {
      case 'running':
      case 'waiting':
      case 'retrying':
        return `${palette.cyan(sign)} ${palette.bold(name)}  ${palette.dim(uses)}${cut(runningDetail(stage, room, now), room)}`
      case 'pending': {
        const { action, expectedMs } = stage.plan
        return palette.dim(`${sign} ${name}  ${uses}${cut(action === 'hit' || expectedMs === undefined ? '' : `about ${duration(expectedMs)}`, room)}`)
      }
      case 'failed':
        return `${palette.red(sign)} ${name}  ${palette.dim(uses)}${palette.red(cut(`failed: ${oneLine(stage.failures.at(-1)?.message ?? '')}`, room))}`
      case 'ran':
        return `${palette.green(sign)} ${name}  ${palette.dim(uses)}${cut(`${duration(stage.durationMs ?? 0)}${finalMetrics(stage)}`, room)}`
      case 'hit':
        return `${palette.green(sign)} ${name}  ${palette.dim(`${uses}hit`)}`
      case 'skipped':
      case 'cancelled':
        return palette.dim(`${sign} ${name}  ${uses}${stage.status}`)
    }
  }
  const busy = stages.filter(isBusy)
  const sample = busy.map(v => v.samples.at(-1)).findLast(s => s !== undefined)
  const extra = sample && rows > 8
    ? ['', palette.dim(cut(`  step ${sample.step}: ${oneLine(sample.prompt)}`, columns)), cut(`  now: ${oneLine(sample.prediction) || '(nothing)'}   reference: ${oneLine(sample.reference)}`, columns)]
    : []
  const waiting = stages.filter(v => v.status === 'pending').length
  const soFar = state.startedAt === undefined ? '' : `, ${roughly(now - Date.parse(state.startedAt))} so far`
  const foot = (hidden: number) => palette.dim(cut(`${hidden > 0 ? `${hidden} more run; ` : ''}${stages.length - waiting - busy.length} of ${stages.length} stages ended${soFar}`, columns))
  const room = rows - extra.length - 2
  if (stages.length <= room) return [...stages.map(line), foot(0), ...extra]
  const shown = [...stages.filter(v => v.status === 'failed').slice(0, Math.max(0, room - busy.length)), ...busy].slice(0, Math.max(1, room))
  return [...shown.map(line), foot(busy.length - shown.filter(isBusy).length), ...extra]
}

function finalMetrics(stage: StageState): string {
  const entries = shownMetrics(stage.metrics, 3)
  return entries.length ? `  ${entries.map(([name, value]) => `${name} ${number(value)}`).join(', ')}` : ''
}

/** What shows a run while it goes on. `state` is brought up to date by the events given to it. */
export interface Display {
  readonly state: RunState
  event(event: Event): void
  /** A line that stays. */
  say(message: string): void
  stop(): void
}

/** A display that redraws itself in place until `stop`, which takes it off the screen: the summary follows. */
export function liveDisplay(stream: NodeJS.WriteStream, palette: Palette, state: RunState): Display {
  const update = createLogUpdate(stream, { showCursor: true })
  const draw = () => update(drawProgress(state, { columns: (stream.columns ?? 80) - 1, rows: stream.rows ?? 24, now: Date.now(), palette }).join('\n'))
  const timer = setInterval(draw, 200)
  timer.unref()
  const say = (message: string) => {
    update.clear()
    stream.write(`${message}\n`)
    draw()
  }
  return {
    state,
    say,
    event(event) {
      advance(state, event)
      if (event.type === 'log' && event.level !== 'info') say(`${palette.yellow(event.level)} ${event.stage}: ${event.message}`)
      if (event.type === 'stage-started' || event.type === 'stage-finished') draw()
    },
    stop() {
      clearInterval(timer)
      update.clear()
      update.done()
    },
  }
}
