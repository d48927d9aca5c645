import type { FloatType, TrainResult, TuningMethod } from 'hone-lm'
import { lineChart, type Point } from '../report/chart.js'
import { html } from '../report/html.js'
import { figures, formatNumber, page, table, type Section } from '../report/page.js'
import type { Start } from './start.js'
import type { TrainerParams } from './trainer-params.js'

export interface ReportInput {
  readonly method: TuningMethod
  readonly params: TrainerParams
  readonly seed: number
  readonly start: Start
  readonly result: TrainResult
  readonly dtype: FloatType
}

/** The page of a training: what came out, curves, the same question at each evaluation, and all settings. */
export function trainingReport({ method, params, seed, start, result, dtype }: ReportInput): string {
  const { history, evaluation } = result
  const first = history.evaluations[0]
  const trained = result.parameters.reduce((n, p) => n + p.elements, 0)
  const sections: Section[] = [
    {
      body: figures([
        ...(evaluation && first
          ? [
              { label: 'Held-out loss', value: formatNumber(evaluation.loss), note: `${formatNumber(first.loss)} before` },
              { label: 'Held-out perplexity', value: formatNumber(evaluation.perplexity), note: `${formatNumber(first.perplexity)} before` },
            ]
          : []),
        { label: 'Training loss, mean', value: formatNumber(result.trainLoss) },
        { label: 'Steps', value: formatNumber(result.steps) },
        { label: 'Tokens seen', value: formatNumber(result.tokens), note: `${formatNumber(result.supervisedTokens)} of them supervised` },
        { label: 'Trained parameters', value: formatNumber(trained) },
      ]),
    },
    {
      title: 'Loss',
      intro: 'Mean negative log-likelihood of the supervised tokens, in nats: of each step before its update, and of all held-out rows.',
      body: lineChart({ title: 'Loss', xLabel: 'step', yLabel: 'loss', series: lossSeries(result) }),
    },
    ...samplesSection(result),
    {
      title: 'Learning rate and gradient',
      body: [
        lineChart({ title: 'Learning rate', xLabel: 'step', yLabel: 'rate', series: [{ name: 'learning rate', points: history.steps.map((s): Point => [s.step, s.learningRate]), dots: false }] }),
        lineChart({ title: 'Length of the gradient, before clipping', xLabel: 'step', yLabel: 'norm', series: [{ name: 'gradient norm', points: history.steps.map((s): Point => [s.step, s.gradientNorm]), dots: false }] }),
      ],
    },
    { title: 'Settings', body: table(['setting', 'value'], settings({ method, params, seed, start, dtype })) },
  ]
  return page({ title: method.type === 'lora' ? 'LoRA tuning' : 'Full tuning', subtitle: subtitle(start), sections })
}

/** Single steps, and where there are many a running mean, by which the eye finds the way. */
function lossSeries({ history }: TrainResult) {
  const steps = history.steps.map((s): Point => [s.step, s.loss])
  const window = Math.ceil(steps.length / 30)
  let sum = 0
  const smooth = steps.map(([step, loss], i): Point => {
    sum += loss - (i >= window ? steps[i - window]![1] : 0)
    return [step, sum / Math.min(i + 1, window)]
  })
  return [
    { name: 'training', points: steps, dots: false },
    ...(window > 1 ? [{ name: `training, mean of ${window} steps`, points: smooth, dots: false }] : []),
    ...(history.evaluations.length ? [{ name: 'held-out', points: history.evaluations.map((e): Point => [e.step, e.loss]), dots: true }] : []),
  ]
}

function samplesSection({ history: { samples } }: TrainResult): Section[] {
  const prompts = [...new Set(samples.map(s => s.prompt))]
  if (prompts.length === 0) return []
  return [{
    title: 'Answers on the way',
    intro: 'The same held-out question at each evaluation; step 0 is the model as it came.',
    body: prompts.map(prompt => {
      const own = samples.filter(s => s.prompt === prompt)
      return html`<pre>${prompt}</pre>${table(['step', 'answer'], [...own.map(s => [s.step, s.prediction]), [html`<strong>reference</strong>`, own[0]!.reference]])}`
    }),
  }]
}

function settings({ method, params, seed, start, dtype }: Omit<ReportInput, 'result'>): (readonly [string, string])[] {
  const { model: _, adapter: __, save_dtype: ___, ...shown } = params
  return [
    ...Object.entries(shown).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const),
    ['seed', String(seed)],
    ['method', method.type],
    ['training rows', formatNumber(start.tokens.train.exampleIds.length)],
    ['held-out rows', formatNumber(start.tokens.validation?.exampleIds.length ?? 0)],
    ['written in', dtype],
  ]
}

function subtitle({ config, tokens }: Start): string {
  const rows = tokens.train.exampleIds.length
  return `${config.layers} layers of ${formatNumber(config.hiddenSize)}, a vocabulary of ${formatNumber(config.vocabSize)}, ${formatNumber(rows)} training rows`
}
