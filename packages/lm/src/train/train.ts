import { setImmediate } from 'node:timers/promises'
import { NotFinite } from '../model/not-finite.js'
import type { TensorData } from '../tensor/types.js'
import type { TokenRows } from '../text/types.js'
import { addRows, addToSums, adamwDefaults, adamwStep, clearSums, gradientNorm, type AdamWOptions } from './adamw.js'
import { planBatches, planEvaluation, supervisedInRow, usableRows, type BatchOptions, type PlannedStep } from './batches.js'
import { loadCheckpoint, saveCheckpoint } from './checkpoint.js'
import { clipScale } from './clip.js'
import { divergence, isHealthy } from './divergence.js'
import { goOnFrom, keepEnd, type Course } from './continuation.js'
import { dropoutKeys } from './dropout-keys.js'
import { emptyHistory, type EvaluationRecord, type SampleRecord, type StepRecord, type TrainHistory } from './history.js'
import { allocateParameters, type Parameter } from './parameters.js'
import { Programs } from './programs.js'
import { learningRateAt, warmupFromRatio, type ScheduleName } from './schedule.js'
import { Diverged, Interrupted } from './train-error.js'
import type { TrainableModel } from './trainable-model.js'

export interface TrainSettings extends BatchOptions {
  readonly learningRate: number
  readonly schedule: ScheduleName
  readonly warmup: { readonly steps: number } | { readonly ratio: number }
  /** 0 clips nothing. */
  readonly maxGradientNorm: number
  readonly adamw?: Partial<AdamWOptions>
  /** Steps between evaluations; undefined: at the end of each epoch. There is always one before the first step and one at the end. */
  readonly evaluateEvery?: number | undefined
  /** Steps between checkpoints; undefined: by the clock, so that saving takes little of the time. */
  readonly saveEvery?: number | undefined
}

export interface TrainOptions {
  readonly model: TrainableModel
  readonly rows: TokenRows
  readonly validation?: TokenRows | undefined
  readonly settings: TrainSettings
  /** Where checkpoints are kept and looked for; none are without it. */
  readonly checkpoints?: { readonly dir: string; readonly identity: string } | undefined
  /** Ended runs of the same data, model and settings but fewer steps, each as `keep` left it: the run goes on from the first whose steps it would do the same way. */
  readonly prior?: readonly string[] | undefined
  /** A folder for what a run with more steps goes on from. */
  readonly keep?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Milliseconds of a steady clock; rates and the time of checkpoints come from it, never a result. */
  readonly now?: () => number
  readonly onStart?: (start: { steps: number; resumedAt: number; shapes: readonly { batch: number; length: number; supervised: number }[]; trainedParameters: number }) => void
  readonly onStep?: (record: StepRecord & { steps: number; tokensPerSecond: number }) => void
  readonly onEvaluate?: (record: EvaluationRecord) => void
  readonly onCheckpoint?: (step: number, path: string) => void
  readonly onMessage?: (message: string) => void
  /** Asked at every evaluation for the model's answers to the held-out questions. */
  readonly sample?: (step: number, parameters: readonly Parameter[]) => Promise<readonly SampleRecord[]>
}

export interface TrainResult {
  readonly parameters: readonly Parameter[]
  readonly steps: number
  readonly resumedAt: number
  readonly history: TrainHistory
  /** The mean of the steps' losses, as Hugging Face's Trainer counts it. */
  readonly trainLoss: number
  /** Of the last evaluation, where there is a validation split. */
  readonly evaluation: EvaluationRecord | undefined
  /** Tokens seen, without padding, and those supervised. */
  readonly tokens: number
  readonly supervisedTokens: number
}

const saveEveryMs = 10_000
/** Saving by the clock takes at most this share of the time. */
const saveShare = 0.05

/**
 * Trains. Each step sums the losses and gradients of its micro-batches and divides by all their supervised tokens, so that the way a
 * batch is split changes nothing. A run that was interrupted or killed goes on from its last checkpoint and ends with the same bytes.
 * Throws Interrupted, NotFinite where it is so before the first update, Diverged, or what a program or the disk throws.
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { model, rows, validation, settings, checkpoints, signal, now = () => performance.now(), onMessage } = options
  const adamw = { ...adamwDefaults, ...settings.adamw }
  const plan = planBatches(rows, usableRows(rows), settings)
  const warmupSteps = 'steps' in settings.warmup ? settings.warmup.steps : warmupFromRatio(settings.warmup.ratio, plan.steps)
  const heldOut = validation ? usableRows(validation) : []
  const evaluationBatches = planEvaluation(validation ?? rows, heldOut, settings)

  const parameters = allocateParameters(model.trainable, { accumulate: settings.accumulationSteps > 1 })
  const values = Object.fromEntries(parameters.map(p => [p.name, p.value]))
  const gradients = new Map(parameters.flatMap(p => {
    const output = model.gradientName(p.name)
    return output === undefined ? [] : [[output, p.gradient] as const]
  }))
  const table = parameters.find(p => p.name === model.lookup?.parameter)
  const steps = function* () {
    for (let i = 0; i < plan.steps; i++) yield* plan.step(i).microBatches
  }
  const training = new Programs(rows, steps(), model, shape => model.compileTrain(shape))
  const evaluating = evaluationBatches.length ? new Programs(validation!, evaluationBatches, model, shape => model.compileEvaluate(shape)) : undefined
  const epochEnds = new Set(plan.epochSteps.map((_, e) => plan.epochSteps.slice(0, e + 1).reduce((a, b) => a + b, 0)))
  const course: Course = {
    steps: plan.steps,
    shapes: training.shapes,
    learningRateAt: step => learningRateAt(step, { schedule: settings.schedule, learningRate: settings.learningRate, warmupSteps, steps: plan.steps }),
    evaluatesAt: step => evaluating !== undefined && (step === 0 || step === plan.steps || (settings.evaluateEvery === undefined ? epochEnds.has(step) : step % settings.evaluateEvery === 0)),
  }
  const loaded =
    (checkpoints && (await loadCheckpoint(checkpoints.dir, checkpoints.identity, parameters, m => onMessage?.(m)))) ??
    (await goOnFrom(options.prior ?? [], course, parameters, reason => onMessage?.(`Does not go on from an earlier result: ${reason}.`)))
  if (!loaded) for (const p of parameters) await model.initialise(p.name, p.value)
  const history = loaded?.history ?? emptyHistory()
  const resumedAt = loaded?.step ?? 0
  let goodCheckpoint = loaded?.path

  let savedAt = now()
  let saveMs = 0
  const save = async (step: number) => {
    if (!checkpoints || !isHealthy(history.steps, model.vocabularySize)) return
    const begun = now()
    goodCheckpoint = await saveCheckpoint(checkpoints.dir, checkpoints.identity, step, parameters, history)
    savedAt = now()
    saveMs = savedAt - begun
    options.onCheckpoint?.(step, goodCheckpoint)
  }
  const saveIsDue = (step: number) =>
    step > resumedAt && step < plan.steps &&
    (settings.saveEvery !== undefined ? step % settings.saveEvery === 0 : now() - savedAt >= Math.max(saveEveryMs, saveMs / saveShare))
  /** Lets the event loop turn; on a signal writes what there is and ends. */
  const breathe = async (step: number) => {
    await setImmediate()
    if (!signal?.aborted) return
    await save(step)
    throw new Interrupted(step)
  }

  const runStep = async (step: number, planned: PlannedStep): Promise<{ record: StepRecord; ms: number }> => {
    const begun = now()
    let [lossSum, supervisedTokens, tokens] = [0, 0, 0]
    if (settings.accumulationSteps > 1) clearSums(parameters)
    else if (table && model.gradientName(table.name) === undefined) clearSums([table])
    for (const batch of planned.microBatches) {
      const { executable, feeds, shape, ...counts } = await training.prepare(batch)
      const into: Record<string, TensorData> = Object.fromEntries(gradients)
      const drawn = model.dropoutSites ? { dropout: dropoutKeys(rows, batch, shape, { sites: model.dropoutSites, seed: settings.seed, step }) } : {}
      const outputs = await executable.run({ ...feeds, ...drawn, ...model.frozen, ...values }, into)
      lossSum += outputs.loss![0]!
      supervisedTokens += counts.supervised
      tokens += counts.tokens
      addToSums(parameters.filter(p => model.gradientName(p.name) !== undefined))
      if (table) addRows(table.sum, outputs[model.lookup!.output] as Float32Array, feeds.ids, model.lookup!.width)
    }
    const learningRate = course.learningRateAt(step)
    const norm = gradientNorm(parameters, 1 / supervisedTokens)
    const record = { step: step + 1, loss: lossSum / supervisedTokens, learningRate, gradientNorm: norm, supervisedTokens, tokens }
    history.steps.push(record)
    const wrong = divergence(history.steps, model.vocabularySize, step + 1 === plan.steps)
    if (wrong && step === 0) throw new NotFinite(`${Number.isFinite(record.loss) ? 'a gradient that is not finite' : `a loss of ${record.loss}`} before the first update`)
    if (wrong) throw new Diverged(step + 1, wrong, goodCheckpoint)
    adamwStep(parameters, { ...adamw, step: step + 1, learningRate, scale: clipScale(norm, settings.maxGradientNorm) / supervisedTokens })
    return { record, ms: now() - begun }
  }

  const evaluate = async (step: number) => {
    let [loss, supervised] = [0, 0]
    for (const batch of evaluationBatches) {
      const { executable, feeds } = await evaluating!.prepare(batch)
      loss += (await executable.run({ ...feeds, ...model.frozen, ...values })).loss![0]!
      supervised += batch.flat().reduce((n, row) => n + supervisedInRow(validation!, row), 0)
      await breathe(step)
    }
    const record = { step, loss: loss / supervised, perplexity: Math.exp(loss / supervised) }
    if (!Number.isFinite(record.loss)) throw step === 0 ? new NotFinite(`a loss of ${record.loss} before the first update`) : new Diverged(step, `the loss of the held-out rows is ${record.loss}`, goodCheckpoint)
    const samples = (await options.sample?.(step, parameters)) ?? []
    history.evaluations.push(record)
    history.samples.push(...samples)
    options.onEvaluate?.(record)
  }
  const evaluationIsDue = (step: number) => history.evaluations.at(-1)?.step !== step && course.evaluatesAt(step)

  try {
    options.onStart?.({ steps: plan.steps, resumedAt, shapes: training.shapes, trainedParameters: parameters.reduce((n, p) => n + p.elements, 0) })
    for (let step = resumedAt; ; step++) {
      // Before the save that may follow: an evaluation that a checkpoint lacks is made up for after it was loaded.
      if (evaluationIsDue(step)) await evaluate(step)
      if (step === plan.steps) break
      if (saveIsDue(step)) await save(step)
      await breathe(step)
      const { record, ms } = await runStep(step, plan.step(step))
      options.onStep?.({ ...record, steps: plan.steps, tokensPerSecond: (record.tokens / ms) * 1000 })
    }
    if (options.keep !== undefined && isHealthy(history.steps, model.vocabularySize)) await keepEnd(options.keep, course, parameters, history)
  } finally {
    await training.dispose()
    await evaluating?.dispose()
  }
  const total = (pick: (record: StepRecord) => number) => history.steps.reduce((n, record) => n + pick(record), 0)
  return {
    parameters, steps: plan.steps, resumedAt, history,
    trainLoss: total(s => s.loss) / plan.steps,
    evaluation: history.evaluations.at(-1),
    tokens: total(s => s.tokens),
    supervisedTokens: total(s => s.supervisedTokens),
  }
}
