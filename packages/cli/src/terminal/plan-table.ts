import type { Plan } from 'hone-engine'
import { duration } from './format.js'
import type { Palette } from './palette.js'
import { columns } from './columns.js'

const tints = { hit: 'green', run: 'yellow', undetermined: 'cyan', skip: 'dim' } as const

/** What `hone plan` and `hone run --dry-run` answer. */
export const planTable = {
  json: (plan: Plan) => ({
    stages: Object.fromEntries([...plan.nodes.values()].map(({ node, action, reasons, expectedMs }) => [node.id, { action, reasons, ...(expectedMs !== undefined && { expectedMs }) }])),
  }),
  text(plan: Plan, palette: Palette): string {
    const nodes = [...plan.nodes.values()]
    const rows = nodes.map(({ node, action, reasons, expectedMs }) => [
      node.id as string,
      node.source.uses.value,
      palette[tints[action]](action),
      `${reasons[0] ?? ''}${reasons.length > 1 ? ` (and ${reasons.length - 1} more)` : ''}${(action === 'run' || action === 'undetermined') && expectedMs !== undefined ? palette.dim(`  about ${duration(expectedMs)}`) : ''}`,
    ])
    const count = (action: string) => nodes.filter(n => n.action === action).length
    const parts = (['run', 'undetermined', 'hit', 'skip'] as const).filter(a => count(a)).map(a => `${count(a)} ${a}`)
    const known = nodes.filter(n => n.action === 'run' || n.action === 'undetermined').map(n => n.expectedMs)
    const total = known.every(ms => ms !== undefined) && known.length ? `, about ${duration(known.reduce((a, b) => a! + b!, 0)!)} of work` : ''
    return `${columns(rows)}\n\n${parts.join(', ')}${total}\n`
  },
}
