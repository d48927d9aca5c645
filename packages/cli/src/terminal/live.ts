import { createLogUpdate } from 'log-update'
import { advance, type Event, type RunState, type StageState } from 'hone-engine'
import { bar, duration, number, sparkline } from './format.js'
import type { Palette } from './palette.js'
import { pace } from './pace.js'
import { shownMetrics } from './summary.js'

const signs = { pending: '·', waiting: '·', retrying: '↻', running: '●', ran: '✓', hit: '✓', failed: '✗', skipped: '-', cancelled: '■' } as const
const isBusy = (stage: StageState) => stage.status === 'running' || stage.status === 'retrying' || stage.status === 'waiting'

/** Cuts plain text to a width, with an ellipsis. */
const cut = (text: string, width: number) => (text.length <= width ? text : width < 2 ? '' : `${text.slice(0, width - 1)}…`)
const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim()

function runningDetail(stage: StageState, width: number, now: number): string {
  const p = stage.progress
  const parts: string[] = []
  if (stage.status === 'waiting') return `waits for ${stage.waitsFor ?? 'its key'}`
  if (stage.status === 'retrying') return `failed: ${oneLine(stage.failures.at(-1)?.message ?? '')}; tries again`
  if (p) {
    const { perSecond, leftMs } = pace(p)
    if (p.total) parts.push(bar(p.done / p.total, Math.max(6, Math.min(20, width - 60))))
    parts.push(`${p.phase ? `${p.phase} ` : ''}${number(p.done)}${p.total === undefined ? '' : `/${number(p.total)}`} ${p.unit}`)
    if (perSecond !== undefined) parts.push(`${number(Number(perSecond.toPrecision(2)))}/s`)
    if (leftMs !== undefined) parts.push(`${duration(leftMs)} left`)
  } else parts.push(duration(now - (stage.startedAt ? Date.parse(stage.startedAt) : now)))
  const loss = stage.curves.loss?.map(point => point.value)
  if (loss?.length) parts.push(`loss ${number(Number(loss.at(-1)!.toPrecision(3)))} ${sparkline(loss, 16)}`)
  return parts.join('  ')
}

/** The lines of the display: running stages in full; when there are more stages than lines, what is done or waits is counted. */
export function drawProgress(state: RunState, options: { columns: number; rows: number; now: number; palette: Palette }): string[] {
  const { columns, rows, now, palette } = options
  const stages = [...state.stages.values()]
  const names = Math.min(28, Math.max(4, ...stages.map(v => v.stage.length)))
  const line = (stage: StageState) => {
    const name = cut(stage.stage, names).padEnd(names)
    const uses = columns >= 80 ? `${cut(stage.uses, 24).padEnd(24)}  ` : ''
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
        return `${palette.red(sign)} ${name}  ${palette.dim(uses)}${palette.red('failed')} after ${duration(stage.durationMs ?? 0)}`
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
  const extra = sample
    ? ['', palette.dim(cut(`  step ${sample.step}: ${oneLine(sample.prompt)}`, columns)), cut(`  now: ${oneLine(sample.prediction) || '(nothing)'}   reference: ${oneLine(sample.reference)}`, columns)]
    : []
  const room = rows - extra.length - 2
  if (stages.length <= room) return [...stages.map(line), ...extra]
  const waiting = stages.filter(v => v.status === 'pending').length
  const shown = [...stages.filter(v => v.status === 'failed'), ...busy].slice(0, Math.max(1, room - 1))
  return [...shown.map(line), palette.dim(`${stages.length - waiting - busy.length} of ${stages.length} stages done, ${waiting} wait`), ...extra]
}

function finalMetrics(stage: StageState): string {
  const entries = shownMetrics(stage.metrics, 3)
  return entries.length ? `  ${entries.map(([name, value]) => `${name} ${number(value)}`).join(', ')}` : ''
}

/** What shows a run while it goes on. `state` is brought up to date by the events given to it. */
export interface Display {
  readonly state: RunState
  event(event: Event): void
  stop(): void
}

/** A display that redraws itself in place until `stop`, which takes it off the screen: the summary follows. */
export function liveDisplay(stream: NodeJS.WriteStream, palette: Palette, state: RunState): Display {
  const update = createLogUpdate(stream, { showCursor: true })
  const draw = () => update(drawProgress(state, { columns: (stream.columns ?? 80) - 1, rows: stream.rows ?? 24, now: Date.now(), palette }).join('\n'))
  const timer = setInterval(draw, 200)
  timer.unref()
  return {
    state,
    event(event) {
      advance(state, event)
      if (event.type === 'log' && event.level !== 'info') {
        update.clear()
        stream.write(`${palette.yellow(event.level)} ${event.stage}: ${event.message}\n`)
      }
      if (event.type === 'stage-started' || event.type === 'stage-finished') draw()
    },
    stop() {
      clearInterval(timer)
      update.clear()
      update.done()
    },
  }
}
