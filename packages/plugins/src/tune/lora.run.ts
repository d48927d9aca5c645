import type { StageContext } from '@hone/engine'
import { loraTargets, readAdapterFolder, writeAdapterFolder, type LoraOptions } from '@hone/lm'
import type { LoraParams } from './lora.js'
import { openStart } from './start.js'
import { tune } from './tuning.js'

export default async function run(context: StageContext<LoraParams>): Promise<void> {
  const { params, inputs, outputs, fail } = context
  const options: LoraOptions = { rank: params.rank, alpha: params.alpha, rslora: params.rslora, targetModules: params.target_modules }
  const start = await openStart(context, { mergeAdapter: false })
  const given = inputs.adapter ? await readAdapterFolder(inputs.adapter.path) : undefined
  if (given && given.rank !== params.rank) fail(`The adapter to go on from has rank ${given.rank}; "rank" is ${params.rank}`, 'rank')
  if (given && (given.alpha !== params.alpha || given.rslora !== params.rslora)) {
    fail(`The adapter to go on from has alpha ${given.alpha}${given.rslora ? ' with rslora' : ''}; asked for is ${params.alpha}${params.rslora ? ' with rslora' : ''}`, 'alpha')
  }
  if (given && loraTargets(start.config, options).map(t => t.module).sort().join() !== given.modules.join()) {
    fail(`The adapter to go on from adapts other layers: ${given.targetModules === 'all-linear' ? given.modules.join(', ') : given.targetModules.join(', ')}`, 'target_modules')
  }
  const { parameters, templateDigest } = await tune(context, start, { type: 'lora', ...options }, given?.weights)
  await writeAdapterFolder(outputs.adapter!.path, {
    ...options,
    base: inputs.model.reference ?? null,
    dropout: 0,
    modulesToSave: [],
    weights: parameters.map(p => ({ name: p.name, shape: p.shape, data: p.value })),
    extra: { 'hone.json': `${JSON.stringify({ base_digest: inputs.model.digest, template_digest: templateDigest }, null, 2)}\n` },
  })
}
