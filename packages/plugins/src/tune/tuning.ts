import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StageContext } from 'hone-engine'
import {
  Diverged, llamaTraining, train, tunedWeights, writeModelFolder,
  type FloatType, type Parameter, type TensorSource, type TrainResult, type TrainSettings, type TuningMethod,
} from 'hone-lm'
import { canonical } from '../kinds/ids.js'
import { failWhereFaulty } from '../evaluate/faulty-model.js'
import { openEngine } from '../evaluate/open-engine.js'
import { writeMetrics } from '../evaluate/write-metrics.js'
import { heldOutQuestion } from './held-out-question.js'
import { trainingReport } from './report.js'
import type { Start } from './start.js'
import { defaultWarmupRatio, type TrainerParams } from './trainer-params.js'

/**
 * Trains, and writes the ports `model`, `metrics` and `report`. Goes on from a checkpoint in the stage's scratch where there is one.
 * `adapter` holds the factors that LoRA goes on from.
 */
export async function tune(context: StageContext<TrainerParams>, start: Start, method: TuningMethod, adapter?: TensorSource): Promise<{ parameters: readonly Parameter[]; templateDigest: string }> {
  const { params, inputs, outputs, seed, threads, signal, progress, metric, log, fail } = context
  const { tokens, config } = start
  const identity = createHash('sha256').update(canonical({ params, seed, inputs: Object.entries(inputs).map(([port, input]) => [port, input.digest]) })).digest('hex')
  const compute = { engine: await openEngine(context), threads }
  const model = await llamaTraining({ config, method, base: start.weights, adapter, ...compute, seed })
  const ask = await heldOutQuestion(start, method, compute)
  const goingOn = await extending(context)
  const result = await train({
    model,
    rows: tokens.train,
    validation: tokens.validation,
    settings: settingsOf(params, seed, Math.min(tokens.info.max_length, config.maxPositions)),
    checkpoints: { dir: join(context.scratch, 'checkpoints'), identity },
    ...goingOn,
    signal,
    onMessage: log,
    onStart: ({ steps, resumedAt, shapes, trainedParameters }) => {
      log(`${steps} steps over ${tokens.train.exampleIds.length} rows, ${trainedParameters.toLocaleString('en-US')} trained parameters, computed as ${shapes.map(s => `${s.batch}×${s.length}`).join(' and ')}${resumedAt > 0 ? `; going on after step ${resumedAt}` : ''}`)
      progress(resumedAt, steps, 'steps')
    },
    onStep: ({ step, steps, loss, learningRate, gradientNorm, tokensPerSecond }) => {
      metric('loss', loss, step)
      metric('learning_rate', learningRate, step)
      metric('gradient_norm', gradientNorm, step)
      metric('tokens_per_second', tokensPerSecond, step)
      progress(step, steps, 'steps')
    },
    onEvaluate: ({ step, loss, perplexity }) => {
      metric('eval_loss', loss, step)
      metric('perplexity', perplexity, step)
    },
    sample: async (step, parameters) => {
      const samples = (await ask?.(step, parameters)) ?? []
      for (const sample of samples) context.sample(sample)
      return samples
    },
    onCheckpoint: step => {
      if (signal.aborted) log(`Saved after step ${step}; the next run goes on from there.`)
    },
  }).catch((error: unknown) => {
    if (error instanceof RangeError) return fail(error.message)
    if (!(error instanceof Diverged)) return failWhereFaulty(context, error, inputs.model ? 'model' : 'init/config')
    return fail(error.message, 'learning_rate', `Lower "learning_rate" (it is ${params.learning_rate}) or lengthen the warm-up.${error.checkpoint ? ` The last good checkpoint is ${error.checkpoint}.` : ''}`)
  })
  const dtype = params.save_dtype === 'base' ? start.dtype : params.save_dtype
  await writeModel(outputs.model!.path, start, tunedWeights(config, method, start.weights, result.parameters), dtype, message => fail(message, 'save_dtype', 'Write float32 or bfloat16.'))
  await writeMetrics(context, metricsOf(result))
  await writeFile(outputs.report!.path, trainingReport({ method, params, seed, start, result, dtype }))
  return { parameters: result.parameters, templateDigest: tokens.info.template_digest }
}

/**
 * What `extends` gives the trainer: ended runs with fewer steps, and where the end of this one is kept. Where the learning rates follow from the
 * number of steps, no longer run can go on from here, and only that is kept, for its log.
 */
async function extending({ params, prior, keep, log }: StageContext<TrainerParams>): Promise<{ prior: readonly string[]; keep?: string }> {
  const dirs: string[] = []
  for (const { params: { epochs, max_steps: steps }, path } of prior) {
    const reason = await readFile(join(path, refusal), 'utf8').catch(() => undefined)
    if (reason === undefined) dirs.push(join(path, 'end'))
    else if (dirs.length === 0) log(`Does not go on from the result with ${steps === undefined ? `epochs ${epochs}` : `max_steps ${steps}`}: ${reason}`)
  }
  if (keep === undefined) return { prior: dirs }
  const reason =
    params.schedule !== 'constant' ? `with the schedule "${params.schedule}" the learning rate of each step depends on how many there are`
    : params.warmup_steps === undefined ? 'its warm-up is a share of all steps; with "warmup_steps" it could'
    : undefined
  if (reason === undefined) return { prior: dirs, keep: join(keep, 'end') }
  await writeFile(join(keep, refusal), reason)
  return { prior: dirs }
}

const refusal = 'refusal.txt'

const settingsOf = (params: TrainerParams, seed: number, maxLength: number): TrainSettings => ({
  seed, maxLength,
  epochs: params.epochs,
  maxSteps: params.max_steps,
  batchSize: params.batch_size,
  accumulationSteps: params.accumulation_steps,
  pack: params.pack,
  learningRate: params.learning_rate,
  schedule: params.schedule,
  warmup: params.warmup_steps !== undefined ? { steps: params.warmup_steps } : { ratio: params.warmup_ratio ?? defaultWarmupRatio },
  maxGradientNorm: params.max_grad_norm,
  adamw: { weightDecay: params.weight_decay },
  evaluateEvery: params.evaluate_every,
  saveEvery: params.save_every,
})

/** No time and no rate stands in it: equal runs have equal bytes. */
const metricsOf = ({ trainLoss, evaluation, history, steps, tokens, supervisedTokens, parameters }: TrainResult): Record<string, number> => ({
  train_loss: trainLoss,
  ...(evaluation && { eval_loss: evaluation.loss, perplexity: evaluation.perplexity, eval_loss_before: history.evaluations[0]!.loss }),
  steps, tokens,
  supervised_tokens: supervisedTokens,
  trained_parameters: parameters.reduce((n, p) => n + p.elements, 0),
})

const largestFloat16 = 65504

async function writeModel(dir: string, { configJson, tokens, generationConfig }: Start, weights: TensorSource, dtype: FloatType, refuse: (message: string) => never): Promise<void> {
  const { info } = tokens
  await writeModelFolder(dir, {
    configJson, dtype, tokenizerFrom: tokens.tokenizerDir, // with the template of the tokens
    templateDigest: info.template_digest,
    // Generation must stop where the answers of the tokens stopped.
    generationConfig: {
      ...(generationConfig ?? { bos_token_id: info.bos_id, pad_token_id: info.pad_id }),
      eos_token_id: endIdsOf(generationConfig?.eos_token_id, info.end_ids),
    },
    weights: weights.names.map(name => ({
      name,
      shape: weights.shape(name),
      data: async () => {
        const values = await weights.read(name)
        if (dtype === 'float16' && values.some(x => Math.abs(x) > largestFloat16)) refuse(`"${name}" holds values above ${largestFloat16}, which float16 does not`)
        return values
      },
    })),
  })
}

function endIdsOf(base: unknown, trained: readonly number[]): number | readonly number[] | null {
  const all = new Set([...(Array.isArray(base) ? base : [base]).filter((id): id is number => typeof id === 'number'), ...trained])
  return all.size === 0 ? null : all.size === 1 ? [...all][0]! : [...all].sort((a, b) => a - b)
}
