import { estimate, type Plan } from 'hone-engine'
import { duration } from './format.js'
import type { Palette } from './palette.js'
import { columns, fittedStages } from './columns.js'

const tints = { hit: 'green', run: 'yellow', undetermined: 'cyan', skip: 'dim' } as const

/** What `hone plan` and `hone run --dry-run` answer. */
export const planTable = {
  json(plan: Plan) {
    const { workMs, chainMs, untimed } = estimate(plan)
    return {
      stages: Object.fromEntries([...plan.nodes.values()].map(({ node, action, reasons, expectedMs }) => [node.id, { action, reasons, ...(expectedMs !== undefined && { expectedMs }) }])),
      expected: { workMs, chainMs, untimed: untimed.length },
    }
  },
  /** `width` is the terminal's, Infinity where there is none. */
  text(plan: Plan, palette: Palette, width: number): string {
    const nodes = [...plan.nodes.values()]
    const isTimed = estimate(plan).workMs > 0
    const rows = nodes.map(({ node, action, reasons, expectedMs }) => [
      node.id as string,
      node.source.uses.value,
      palette[tints[action]](action),
      ...(isTimed ? [palette.dim(action === 'hit' || action === 'skip' ? '' : expectedMs === undefined ? 'no earlier run' : `about ${duration(expectedMs)}`)] : []),
      `${reasons[0] ?? ''}${reasons.length > 1 ? ` (and ${reasons.length - 1} more)` : ''}`,
    ])
    const count = (action: string) => nodes.filter(n => n.action === action).length
    const parts = (['run', 'undetermined', 'hit', 'skip'] as const).filter(a => count(a)).map(a => `${count(a)} ${a}`)
    return `${columns(fittedStages(rows, width), width)}\n\n${parts.join(', ')}\n${expectedTime(plan, palette)}`
  },
}

/** How long it may take, and how that is known; '' where nothing runs. */
function expectedTime(plan: Plan, palette: Palette): string {
  const { workMs, chainMs, untimed } = estimate(plan)
  if (workMs === 0) return untimed.length > 0 ? palette.dim('no earlier run tells how long it takes\n') : ''
  const work = `about ${duration(workMs)} of work`
  const chain = chainMs < workMs ? `, ${duration(chainMs)} of it in the longest chain` : ''
  const without = untimed.length === 0 ? '' : `; ${untimed.length === 1 ? `${untimed[0]} has` : `${untimed.length} have`} no earlier run and ${untimed.length === 1 ? 'is' : 'are'} not counted`
  const perhaps = [...plan.nodes.values()].some(n => n.action === 'undetermined') ? '; what is undetermined may still hit' : ''
  return palette.dim(`${work}${chain}, by what each took the last time${without}${perhaps}\n`)
}
