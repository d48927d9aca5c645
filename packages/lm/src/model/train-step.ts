import * as tf from '@tensorflow/tfjs-core'
import { compileProgram, type Engine } from '../tensor/engine.js'
import { linearCrossEntropy } from '../tensor/ops/linear-cross-entropy.js'
import type { ConstantSpec, Placeholders, ProgramDefinition } from '../tensor/trace.js'
import type { Executable, TensorSource, TensorSpec } from '../tensor/types.js'
import { EMBEDDING, headName, llamaParameters, type LlamaConfig } from './llama-config.js'
import { attendWithinSegments, embed, headWeight, llamaHidden, plainLlama, type Llama } from './llama.js'
import { adaptedLlama, loraParameters, loraTargets, trainedEnds, wholeParameters, type DropoutDraw, type LoraOptions } from './lora.js'

export type TuningMethod = { readonly type: 'full' } | ({ readonly type: 'lora' } & LoraOptions)

/** The parameters that a method trains, by the names that they are trained under: the model's own, PEFT's under LoRA. */
export const trainedParameters = (config: LlamaConfig, method: TuningMethod): TensorSpec[] =>
  method.type === 'full' ? llamaParameters(config) : [...loraParameters(config, method), ...wholeParameters(config, method).map(p => p.spec)]

/** The parameters of the model that stay as they are. */
export function frozenParameters(config: LlamaConfig, method: TuningMethod): TensorSpec[] {
  if (method.type === 'full') return []
  const whole = new Set(wholeParameters(config, method).map(p => p.base))
  return llamaParameters(config).filter(p => !whole.has(p.name))
}

/** How many masks a training step of the method draws; 0 where it drops nothing. */
export const dropoutSites = (config: LlamaConfig, method: TuningMethod): number =>
  method.type === 'lora' && (method.dropout ?? 0) > 0 ? loraTargets(config, method).length : 0

/** The names of the embedding and the head among the trained parameters, where they are. */
export const trainedMatrices = (config: LlamaConfig, method: TuningMethod): { embedding?: string; head?: string } =>
  method.type === 'full' ? { embedding: EMBEDDING, head: headName(config) } : trainedEnds(config, method)

export interface BatchShape {
  /** Rows, B. */
  readonly batch: number
  /** Tokens a row, T. */
  readonly length: number
  /** Positions whose next token is predicted, S, in all rows together. */
  readonly supervised: number
}

export interface StepOptions extends BatchShape {
  readonly method: TuningMethod
  readonly engine: Engine
  readonly threads: number
  /**
   * The weights that stay as they are (all of the base under LoRA), to become part of the program: ONNX Runtime lays them out anew for its
   * products, about 12% faster for twice their memory. Without it they are inputs like the trainable ones, fed without a copy.
   */
  readonly frozen?: TensorSource | ReadonlyMap<string, Float32Array>
  /** For benchmarks: see `OnnxOptions`. */
  readonly profilePrefix?: string
}

export interface TrainStep {
  /**
   * Inputs besides parameters: `ids`, `positions`, `segments` int32 [B·T] (segment 0 is padding), `select` int32 [S], the flat positions whose
   * next token is predicted, `targets` int32 [S], `weights` float32 [S] (0 fills up); with dropout `dropout` int32 [sites, B·T], a
   * `dropoutKey` for each adapted layer and token. Output `loss`: Σ weights · negative log-likelihood, not its mean, and the gradients of
   * this sum.
   */
  readonly executable: Executable
  /** The parameters that have a gradient, each an input under its name. */
  readonly trainable: readonly TensorSpec[]
  /** The parameters that are inputs too but have none. */
  readonly frozen: readonly TensorSpec[]
  /** The output that holds a parameter's gradient, in its shape. */
  gradientName(name: string): string
  /**
   * Where the embedding is trained: the output [B·T, E] whose row n is to be added to row ids[n] of this parameter's gradient, on top of
   * `gradientName(parameter)` where the head is tied, else to zeros.
   */
  readonly embeddingRows?: { readonly output: string; readonly parameter: string }
}

export const gradientName = (name: string): string => `grad:${name}`
/** The output of the embedding's gradient, a row a token. */
export const embeddingRowsName = `grad-rows:${EMBEDDING}`

/** Compiles loss and gradients for one shape of batch. */
export async function compileTrainStep(config: LlamaConfig, options: StepOptions): Promise<TrainStep> {
  const { method } = options
  const trainable = trainedParameters(config, method)
  const { fed, constants } = await divideFrozen(frozenParameters(config, method), options.frozen)
  const { embedding } = trainedMatrices(config, method)
  const executable = await compileProgram(trainStepDefinition(config, method, options, trainable, fed, constants), options)
  return {
    executable, trainable, frozen: fed, gradientName,
    ...(embedding === undefined ? {} : { embeddingRows: { output: embeddingRowsName, parameter: embedding } }),
  }
}

export interface EvaluateStep {
  /** The inputs of a train step; its only output is `loss`. */
  readonly executable: Executable
  /** The parameters that are inputs. */
  readonly parameters: readonly TensorSpec[]
}

/** Compiles the loss alone, for held-out rows. */
export async function compileEvaluateStep(config: LlamaConfig, options: StepOptions): Promise<EvaluateStep> {
  const { method, batch: B, length: T, supervised: S } = options
  const trainable = trainedParameters(config, method)
  const { fed, constants } = await divideFrozen(frozenParameters(config, method), options.frozen)
  const definition: ProgramDefinition = {
    inputs: [...batchInputs(B, T, S), ...fed, ...trainable],
    constants,
    build: placeholder => {
      const model = tunedLlama(config, method, placeholder)
      return { loss: lossOf(model, embed(model, placeholder('ids')), placeholder, options, false) }
    },
  }
  return { executable: await compileProgram(definition, options), parameters: [...fed, ...trainable] }
}

/** The program of a train step, for whoever compiles it in another way. */
export function trainStepDefinition(
  config: LlamaConfig, method: TuningMethod, shape: BatchShape,
  trainable: readonly TensorSpec[], fed: readonly TensorSpec[], constants: readonly ConstantSpec[],
): ProgramDefinition {
  const { embedding, head } = trainedMatrices(config, method)
  const trainHead = head !== undefined
  // The embedding's lookup gets its gradient as rows, so the matrix itself is a variable only where the head multiplies with it.
  const variables = trainable.filter(p => p.name !== embedding || p.name === head).map(p => p.name)
  const sites = dropoutSites(config, method)
  const keys: TensorSpec[] = sites > 0 ? [{ name: 'dropout', shape: [sites, shape.batch * shape.length], dtype: 'int32' }] : []
  return {
    inputs: [...batchInputs(shape.batch, shape.length, shape.supervised), ...keys, ...fed, ...trainable],
    constants,
    build(placeholder) {
      const draw = sites > 0 ? { keys: placeholder('dropout') } : undefined
      const embedded = embed(tunedLlama(config, method, placeholder), placeholder('ids'))
      const loss = (...args: tf.Tensor[]): tf.Scalar => {
        const given = new Map(variables.map((name, i) => [name, args[i] as tf.Tensor]))
        const model = tunedLlama(config, method, name => given.get(name) ?? placeholder(name), draw)
        return lossOf(model, args[variables.length] ?? embedded, placeholder, shape, trainHead) as tf.Scalar
      }
      const lookedUp = embedding !== undefined
      const { value, grads } = tf.valueAndGrads(loss)([...variables.map(placeholder), ...(lookedUp ? [embedded] : [])])
      return {
        loss: value,
        ...Object.fromEntries(variables.map((name, i) => [gradientName(name), grads[i] as tf.Tensor])),
        ...(lookedUp ? { [embeddingRowsName]: grads[variables.length] as tf.Tensor } : {}),
      }
    },
  }
}

const tunedLlama = (config: LlamaConfig, method: TuningMethod, weight: Placeholders, draw?: DropoutDraw): Llama =>
  method.type === 'full' ? plainLlama(config, weight) : adaptedLlama(config, weight, method, draw)

/** Σ weights · negative log-likelihood, from the embedded tokens [B·T, E] on. */
function lossOf(model: Llama, embedded: tf.Tensor, input: Placeholders, { batch: B, length: T }: BatchShape, trainHead: boolean): tf.Tensor {
  const hidden = llamaHidden(model, embedded, input('positions'), T, attendWithinSegments(input('segments'), B, T))
  return linearCrossEntropy({
    hidden: tf.gather(hidden, input('select') as tf.Tensor1D), // [S, E]
    weight: headWeight(model), targets: input('targets'), weights: input('weights'), trainHead,
  })
}

export function batchInputs(B: number, T: number, S: number): TensorSpec[] {
  return [
    { name: 'ids', shape: [B * T], dtype: 'int32' },
    { name: 'positions', shape: [B * T], dtype: 'int32' },
    { name: 'segments', shape: [B * T], dtype: 'int32' },
    { name: 'select', shape: [S], dtype: 'int32' },
    { name: 'targets', shape: [S], dtype: 'int32' },
    { name: 'weights', shape: [S], dtype: 'float32' },
  ]
}

/** Frozen parameters as inputs, or with their values as constants. */
export async function divideFrozen(
  parameters: readonly TensorSpec[], source: StepOptions['frozen'],
): Promise<{ fed: readonly TensorSpec[]; constants: readonly ConstantSpec[] }> {
  if (!source) return { fed: parameters, constants: [] }
  const constants: ConstantSpec[] = []
  for (const { name, shape } of parameters) {
    const data = 'read' in source ? await source.read(name) : source.get(name)
    if (!data) throw new Error(`The frozen weights lack ${name}.`)
    constants.push({ name, shape, data })
  }
  return { fed: [], constants }
}
