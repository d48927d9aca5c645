import type { StageContext } from 'hone-engine'
import {
  adapterTensorName, fitAdapter, loraTargets, readAdapterFolder, trainsTiedMatrix, wholeParameters, writeAdapterFolder,
  type LlamaConfig, type LoraOptions, type Parameter,
} from 'hone-lm'
import { failWhereFaulty } from '../evaluate/faulty-model.js'
import type { LoraParams } from './lora.js'
import { misfit } from './lora-fit.js'
import { openStart } from './start.js'
import { tune } from './tuning.js'

export default async function run(context: StageContext<LoraParams>): Promise<void> {
  const { params, inputs, outputs } = context
  const options: LoraOptions = {
    rank: params.rank, alpha: params.alpha, rslora: params.rslora, dropout: params.dropout,
    targetModules: params.target_modules, modulesToSave: params.modules_to_save,
  }
  const start = await openStart(context, { mergeAdapter: false })
  const { config } = start
  const problem = misfit({ loraTargets, wholeParameters }, config, params)
  if (problem) context.fail(problem.message, problem.param)
  const weights = inputs.adapter && (await weightsToGoOnFrom(context, config, options, inputs.adapter.path).catch((error: unknown) => failWhereFaulty(context, error)))
  const { parameters, templateDigest } = await tune(context, start, { type: 'lora', ...options }, weights)
  const tied = trainsTiedMatrix(config, options)
  await writeAdapterFolder(outputs.adapter!.path, {
    rank: params.rank, alpha: params.alpha, rslora: params.rslora, dropout: params.dropout, targetModules: params.target_modules,
    base: inputs.model.reference ?? null,
    // Where head and embedding are one, PEFT names the embedding and ties the head to it.
    modulesToSave: tied ? [...params.modules_to_save.filter(name => !'lm_head'.endsWith(name)), 'model.embed_tokens'] : params.modules_to_save,
    ensureWeightTying: tied,
    weights: [...parameters, ...(tied ? [headOf(parameters)] : [])].map(p => ({ name: p.name, shape: p.shape, data: p.value })),
    extra: { 'hone.json': `${JSON.stringify({ base_digest: inputs.model.digest, template_digest: templateDigest }, null, 2)}\n` },
  })
}

/** The matrix that embedding and head share under the head's name too: without it PEFT does not open the adapter. */
function headOf(parameters: readonly Parameter[]): Pick<Parameter, 'name' | 'shape' | 'value'> {
  const { shape, value } = parameters.find(p => p.name === adapterTensorName('model.embed_tokens', 'weight'))!
  return { name: adapterTensorName('lm_head', 'weight'), shape, value }
}

/** Opens the adapter that comes in and stops the stage where it is not of the kind that is asked for. */
async function weightsToGoOnFrom({ params, fail }: StageContext<LoraParams>, config: LlamaConfig, options: LoraOptions, dir: string) {
  const given = await readAdapterFolder(dir)
  if (given.rank !== params.rank) fail(`The adapter to go on from has rank ${given.rank}; "rank" is ${params.rank}`, 'rank')
  if (given.alpha !== params.alpha || given.rslora !== params.rslora) {
    fail(`The adapter to go on from has alpha ${given.alpha}${given.rslora ? ' with rslora' : ''}; asked for is ${params.alpha}${params.rslora ? ' with rslora' : ''}`, 'alpha')
  }
  if (loraTargets(config, options).map(t => t.module).sort().join() !== given.modules.join()) {
    fail(`The adapter to go on from adapts other layers: ${given.targetModules === 'all-linear' ? given.modules.join(', ') : given.targetModules.join(', ')}`, 'target_modules')
  }
  const namesOf = (o: LoraOptions) => wholeParameters(config, o).map(p => p.base).join(', ')
  const whole = namesOf(await fitAdapter(config, given))
  if (whole !== namesOf(options)) fail(`The adapter to go on from has trained ${whole === '' ? 'no module' : whole} whole`, 'modules_to_save')
  return given.weights
}
