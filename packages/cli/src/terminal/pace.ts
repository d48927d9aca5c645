import type { ProgressState } from 'hone-engine'

/** Units a second of late, and the milliseconds that are left at that rate. `idleMs` in their place when nothing new came for much longer than it took so far. */
export interface Pace {
  readonly perSecond?: number
  readonly leftMs?: number
  readonly idleMs?: number
}

const leastIdleMs = 15_000

/** Nothing in the first half second, which tells nothing. The time left runs down between two reports. */
export function pace({ at, since, done, sinceDone, total }: ProgressState, now: number): Pace {
  const sinceReportMs = Math.max(0, now - at)
  const isKnown = at - since >= 500 && done > sinceDone
  const usualMs = isKnown ? (at - since) / (done - sinceDone) : 0
  if (sinceReportMs > Math.max(leastIdleMs, 3 * usualMs) && done !== total) return { idleMs: sinceReportMs }
  if (!isKnown) return {}
  const perSecond = 1000 / usualMs
  return total === undefined ? { perSecond } : { perSecond, leftMs: Math.max(0, (total - done) * usualMs - sinceReportMs) }
}
