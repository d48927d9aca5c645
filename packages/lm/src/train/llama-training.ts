import { initializeLora } from '../model/initialize.js'
import { llamaLinears, type LlamaConfig } from '../model/llama-config.js'
import { wholeParameters } from '../model/lora.js'
import { mergeLora } from '../model/merge-lora.js'
import {
  compileEvaluateStep, compileTrainStep, dropoutSites, embeddingRowsName, frozenParameters, gradientName, trainedMatrices, trainedParameters,
  type StepOptions, type TuningMethod,
} from '../model/train-step.js'
import type { Engine } from '../tensor/engine.js'
import type { TensorSource } from '../tensor/types.js'
import type { Parameter } from './parameters.js'
import type { TrainableModel } from './trainable-model.js'

export interface LlamaTrainingOptions {
  readonly config: LlamaConfig
  readonly method: TuningMethod
  /** The weights to start from: a checkpoint's, or fresh ones. */
  readonly base: TensorSource
  /** Under LoRA: factors (and modules trained whole) to go on from, in place of fresh ones. */
  readonly adapter?: TensorSource | undefined
  readonly engine: Engine
  readonly threads: number
  readonly seed: number
  /** Whether a frozen base becomes part of each program: faster products for a copy a program. By default where it is small. */
  readonly frozenAsConstants?: boolean
}

const elements = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
/** Bytes of a base that is small. */
const largestConstants = 128 * 2 ** 20

/** A Llama model as the loop trains it. Under LoRA the frozen base is read now, in full training each weight when it is initialised. */
export async function llamaTraining({ config, method, base, adapter, engine, threads, seed, frozenAsConstants }: LlamaTrainingOptions): Promise<TrainableModel> {
  const parameters = frozenParameters(config, method)
  const frozen = new Map<string, Float32Array>()
  for (const { name } of parameters) frozen.set(name, await base.read(name))
  const asConstants = method.type === 'lora' && (frozenAsConstants ?? 4 * parameters.reduce((n, p) => n + elements(p.shape), 0) <= largestConstants)
  const first = method.type === 'lora' ? (adapter ?? initializeLora(config, method, seed)) : base
  // What is trained whole starts as the base has it, unless an adapter brings its own.
  const whole = new Map(method.type === 'lora' ? wholeParameters(config, method).map(p => [p.spec.name, p.base]) : [])
  const options = { method, engine, threads, ...(asConstants && { frozen }) } satisfies Partial<StepOptions>
  const { embedding, head } = trainedMatrices(config, method)
  return {
    trainable: trainedParameters(config, method),
    frozen: asConstants ? {} : Object.fromEntries(frozen),
    gradientName: name => (name === embedding && name !== head ? undefined : gradientName(name)),
    lookup: embedding === undefined ? undefined : { parameter: embedding, output: embeddingRowsName, width: config.hiddenSize },
    dropoutSites: dropoutSites(config, method),
    vocabularySize: config.vocabSize,
    tokenCost: config.layers * llamaLinears(config).reduce((n, l) => n + l.in * l.out, 0),
    supervisedCost: config.vocabSize * config.hiddenSize,
    compileTrain: async shape => (await compileTrainStep(config, { ...options, ...shape })).executable,
    compileEvaluate: async shape => (await compileEvaluateStep(config, { ...options, ...shape })).executable,
    async initialise(name, value) {
      const own = whole.get(name)
      if (own !== undefined && !adapter) await base.read(own, value)
      else await first.read(name, value)
    },
  }
}

/** Trained parameters as a source of tensors, under the names that they were trained by. */
export function parameterSource(parameters: readonly Parameter[]): TensorSource {
  const find = (name: string) => {
    const found = parameters.find(p => p.name === name)
    if (!found) throw new Error(`There is no trained parameter "${name}"`)
    return found
  }
  return {
    names: parameters.map(p => p.name),
    has: name => parameters.some(p => p.name === name),
    shape: name => find(name).shape,
    async read(name, into) {
      if (!into) return find(name).value.slice()
      into.set(find(name).value)
      return into
    },
  }
}

/** The weights of the whole model after training: under LoRA the base with the adapter multiplied in. */
export const tunedWeights = (config: LlamaConfig, method: TuningMethod, base: TensorSource, parameters: readonly Parameter[]): TensorSource =>
  method.type === 'full' ? parameterSource(parameters) : mergeLora(config, base, parameterSource(parameters), method)
