import type { StageContext } from 'hone-engine'
import type { FullParams } from './full.js'
import { openStart } from './start.js'
import { tune } from './tuning.js'

export default async function run(context: StageContext<FullParams>): Promise<void> {
  await tune(context, await openStart(context, { init: context.params.init, mergeAdapter: true }), { type: 'full' })
}
