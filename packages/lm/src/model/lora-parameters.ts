// What an adapter's parameters are, without what computes them: a plan asks whether they fit a model.
import { adapterTensorName } from '../checkpoint/peft.js'
import type { TensorSpec } from '../tensor/types.js'
import { EMBEDDING, headName, llamaLinears, llamaParameters, type LlamaConfig } from './llama-config.js'

/** Low-rank adaptation (Hu et al., 2021): each chosen linear layer gains scale · B · A, of rank `rank`. */
export interface LoraOptions {
  readonly rank: number
  readonly alpha: number
  /** Scales by alpha/√rank in place of alpha/rank (Kalajdzievski, 2023). */
  readonly rslora: boolean
  /** Ends of module names as PEFT takes them (`q_proj`), or every linear layer but the head. */
  readonly targetModules: 'all-linear' | readonly string[]
  /** The share of A's inputs that a training step drops, in [0, 1); none by default. */
  readonly dropout?: number | undefined
  /** Modules that are trained whole, by the ends of their names as PEFT takes them: `norm` is every norm. None by default. */
  readonly modulesToSave?: readonly string[] | undefined
}

/** Which layers an adapter concerns. */
type Layers = Pick<LoraOptions, 'targetModules' | 'modulesToSave'>

export interface LoraTarget {
  /** `model.layers.0.self_attn.q_proj` */
  readonly module: string
  readonly out: number
  readonly in: number
}

/** The layers that are adapted, in the order of the model. Throws where a name in `targetModules` fits none. */
export function loraTargets(config: LlamaConfig, { targetModules }: Layers): LoraTarget[] {
  const linears = Array.from({ length: config.layers }, (_, i) => llamaLinears(config).map(l => ({ ...l, module: `model.layers.${i}.${l.module}` }))).flat()
  if (targetModules === 'all-linear') return linears
  const fits = (module: string, name: string): boolean => module === name || module.endsWith(`.${name}`)
  for (const name of targetModules) {
    if (linears.some(l => fits(l.module, name))) continue
    const known = llamaLinears(config).map(l => l.module.slice(l.module.indexOf('.') + 1))
    throw new Error(`"target_modules" names ${JSON.stringify(name)}, which is none of this model's linear layers (${known.join(', ')})`)
  }
  return linears.filter(l => targetModules.some(name => fits(l.module, name)))
}

/** A [rank, in] and B [out, rank] of each target, under the names by which PEFT stores them. */
export function loraParameters(config: LlamaConfig, options: LoraOptions): TensorSpec[] {
  return loraTargets(config, options).flatMap((t): TensorSpec[] => [
    { name: adapterTensorName(t.module, 'lora_A'), shape: [options.rank, t.in], dtype: 'float32' },
    { name: adapterTensorName(t.module, 'lora_B'), shape: [t.out, options.rank], dtype: 'float32' },
  ])
}

/** A weight of the base that is trained whole beside an adapter. */
export interface WholeParameter {
  /** The base's name of it, `model.norm.weight`. */
  readonly base: string
  /** PEFT's name of it, under which it is trained and stored. */
  readonly spec: TensorSpec
}

const moduleOf = (parameter: string): string => parameter.replace(/\.weight$/, '')

/**
 * What `modulesToSave` names, in the order of the model. A tied head and embedding are one matrix, whichever is named. Throws where a name
 * fits nothing, or a layer that is adapted.
 */
export function wholeParameters(config: LlamaConfig, options: Layers): WholeParameter[] {
  const { modulesToSave: names = [] } = options
  if (names.length === 0) return []
  const modules = new Map(llamaParameters(config).map(spec => [moduleOf(spec.name), spec]))
  if (config.tiedEmbeddings) modules.set('lm_head', modules.get(moduleOf(EMBEDDING))!)
  const adapted = new Set(loraTargets(config, options).map(t => t.module))
  const chosen = new Set<TensorSpec>()
  for (const name of names) {
    const fitting = [...modules].filter(([module]) => module.endsWith(name))
    if (fitting.length === 0) {
      const known = [...new Set([...modules.keys()].map(module => module.slice(module.lastIndexOf('.') + 1)))]
      throw new Error(`"modules_to_save" names ${JSON.stringify(name)}, which is none of this model's modules (${known.join(', ')})`)
    }
    const both = fitting.find(([module]) => adapted.has(module))
    if (both) throw new Error(`"modules_to_save" names ${JSON.stringify(name)}, but "${both[0]}" is adapted: take it out of "target_modules" to train it whole`)
    for (const [, spec] of fitting) chosen.add(spec)
  }
  return llamaParameters(config).filter(p => [...chosen].some(c => c.name === p.name))
    .map(p => ({ base: p.name, spec: { ...p, name: adapterTensorName(moduleOf(p.name), 'weight') } }))
}

/** Whether head and embedding are trained as the one matrix that they are. */
export const trainsTiedMatrix = (config: LlamaConfig, options: Layers): boolean =>
  config.tiedEmbeddings && wholeParameters(config, options).some(p => p.base === EMBEDDING)

/** The matrices of embedding and head, where they are trained whole, by the names that they are trained under. */
export function trainedEnds(config: LlamaConfig, options: Layers): { embedding?: string; head?: string } {
  const named = new Map(wholeParameters(config, options).map(p => [p.base, p.spec.name]))
  const [embedding, head] = [named.get(EMBEDDING), named.get(headName(config))]
  return { ...(embedding !== undefined && { embedding }), ...(head !== undefined && { head }) }
}
