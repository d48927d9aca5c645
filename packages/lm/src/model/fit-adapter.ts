import { CheckpointError } from '../checkpoint/checkpoint-error.js'
import { adapterTensorName, type AdapterFolder } from '../checkpoint/peft.js'
import { llamaParameters, type LlamaConfig } from './llama-config.js'
import { loraTargets, type LoraOptions } from './lora.js'

/**
 * How an adapter is merged into a model of this config, or gone on with: its layers and whole modules are named one by one. Throws
 * CheckpointError where it was made for another model, or would untie its embeddings.
 */
export async function fitAdapter(config: LlamaConfig, adapter: AdapterFolder): Promise<LoraOptions> {
  const { dir, weights } = adapter
  const layers = new Map(loraTargets(config, { targetModules: 'all-linear' }).map(target => [target.module, target]))
  for (const module of adapter.modules) {
    const layer = layers.get(module)
    if (!layer) throw new CheckpointError(dir, `adapts "${module}", which the model does not have: it was made for another`)
    const columns = weights.shape(adapterTensorName(module, 'lora_A'))[1]
    const rows = weights.shape(adapterTensorName(module, 'lora_B'))[0]
    if (columns !== layer.in || rows !== layer.out) {
      throw new CheckpointError(dir, `adapts "${module}" as [${rows}, ${columns}], the model's is [${layer.out}, ${layer.in}]: it was made for another`)
    }
  }
  const whole = config.tiedEmbeddings ? await withoutTiedHead(adapter) : adapter.wholeModules
  const shapes = new Map(llamaParameters(config).map(p => [p.name, p.shape.join(', ')]))
  for (const module of whole) {
    const [own, stored] = [shapes.get(`${module}.weight`), weights.shape(adapterTensorName(module, 'weight')).join(', ')]
    if (own === undefined) throw new CheckpointError(dir, `holds "${module}" whole, which the model does not have: it was made for another`)
    if (own !== stored) throw new CheckpointError(dir, `holds "${module}" whole as [${stored}], the model's is [${own}]: it was made for another`)
  }
  const { rank, alpha, rslora, modules } = adapter
  return { rank, alpha, rslora, targetModules: modules, modulesToSave: whole }
}

/** The model's head is its embedding: an adapter that gives them two matrices does not fit. PEFT stores the one matrix twice. */
async function withoutTiedHead({ dir, weights, wholeModules, ensureWeightTying }: AdapterFolder): Promise<readonly string[]> {
  const [head, embedding] = [wholeModules.includes('lm_head'), wholeModules.includes('model.embed_tokens')]
  if (!head && !embedding) return wholeModules
  const read = (module: string) => weights.read(adapterTensorName(module, 'weight'))
  const tied = head && embedding ? await equal(read('lm_head'), read('model.embed_tokens')) : embedding && ensureWeightTying
  if (!tied) {
    throw new CheckpointError(dir, 'gives embedding and head a matrix each, and the model has one for both: it was trained without PEFT\'s "ensure_weight_tying"')
  }
  return wholeModules.filter(module => module !== 'lm_head')
}

async function equal(a: Promise<Float32Array>, b: Promise<Float32Array>): Promise<boolean> {
  const [x, y] = await Promise.all([a, b])
  return x.length === y.length && x.every((value, i) => value === y[i])
}
