import type { StageState } from 'hone-engine'
import { amount, bar, number, rate, roughly, sparkline } from './format.js'
import { pace } from './pace.js'

/** What a line tells of how far a stage is: the words that fit, the most telling first kept. Text without colours. */
export function stageProgress(stage: StageState, width: number, now: number): string {
  const told = tell(stage, now)
  const count = told.count && (told.phase ? `${told.phase} ${told.count}` : told.count)
  const parts = new Map<Part, string>()
  const room = () => width - [...parts.values()].reduce((n, part) => n + part.length + 2, 0)
  const keep = (part: Part, text: string | undefined) => {
    if (text !== undefined && text.length <= room()) parts.set(part, text)
  }
  keep('left', told.left)
  keep('count', count)
  if (!parts.has('count')) keep('count', told.count)
  if (!parts.has('count')) keep('count', told.percent)
  keep('rate', told.rate)
  keep('loss', told.loss)
  // A percentage is read faster than a count, and a bar faster than both.
  if (told.share !== undefined && parts.get('count') !== told.percent && room() >= 6) parts.set('bar', bar(told.share, Math.min(20, room())))
  if (parts.has('loss') && room() >= 3) parts.set('loss', `${told.loss} ${sparkline(told.curve, Math.min(16, room() - 1))}`)
  return order.flatMap(part => parts.get(part) ?? []).join('  ')
}

/** The same as a line of a log, with all there is to say. */
export function progressLine(stage: StageState, now: number): string {
  const { percent, phase, count, rate, left, loss } = tell(stage, now)
  return [count && `${phase ? `${phase} ` : ''}${count}${percent ? ` (${percent})` : ''}`, rate, loss, left].filter(Boolean).join(', ')
}

const order = ['bar', 'count', 'rate', 'left', 'loss'] as const
type Part = (typeof order)[number]

interface Told {
  readonly phase?: string
  readonly count?: string
  readonly share?: number
  readonly percent?: string
  readonly rate?: string
  readonly left?: string
  readonly loss?: string
  readonly curve: readonly number[]
}

function tell({ progress: p, startedAt, curves }: StageState, now: number): Told {
  const curve = curves.loss?.map(point => point.value) ?? []
  const last = curve.at(-1)
  const loss = last === undefined ? {} : { loss: `loss ${number(Number(last.toPrecision(3)))}` }
  if (!p) return { ...loss, curve, left: `running for ${roughly(now - (startedAt ? Date.parse(startedAt) : now))}` }
  const { perSecond, leftMs, idleMs } = pace(p, now)
  const share = p.total ? p.done / p.total : undefined
  return {
    ...loss,
    curve,
    ...(p.phase !== undefined && { phase: p.phase }),
    count: amount(p.done, p.total, p.unit),
    ...(share !== undefined && { share, percent: `${Math.floor(share * 100)}%` }),
    ...(perSecond !== undefined && { rate: rate(perSecond, p.unit) }),
    ...(idleMs !== undefined ? { left: `nothing new for ${roughly(idleMs)}` } : leftMs !== undefined && { left: `${roughly(leftMs)} left` }),
  }
}
