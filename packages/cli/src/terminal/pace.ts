import type { ProgressState } from 'hone-engine'

/** Units a second since this phase began, and the milliseconds that are left at that rate; nothing in the first half second. */
export function pace(progress: ProgressState): { perSecond?: number; leftMs?: number } {
  const { at, since, done, sinceDone, total } = progress
  if (at - since < 500 || done <= sinceDone) return {}
  const perSecond = ((done - sinceDone) / (at - since)) * 1000
  return total === undefined ? { perSecond } : { perSecond, leftMs: ((total - done) / perSecond) * 1000 }
}
