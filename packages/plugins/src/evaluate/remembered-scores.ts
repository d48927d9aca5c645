import type { Json, JsonObject, StageContext } from 'hone-engine'
import { makeScorer, type LanguageModel } from 'hone-lm'
import { computedBy } from './computed-by.js'
import type { ModelParams } from './model-inputs.js'
import { failWhereFaulty } from './faulty-model.js'
import { openEngine } from './open-engine.js'
import { modelSalt } from './open-model.js'

type Scorer = Awaited<ReturnType<typeof makeScorer>>

interface Remembering {
  /** What decides the numbers beside the model and what computes it. */
  readonly salt?: JsonObject
  /** Rows whose numbers are remembered together. */
  readonly chunk: number
  /** What a row is called while it is counted. */
  readonly unit: string
}

/** What `score` makes of each row, in their order, by the row memo: the model is made ready to score only where some row is not remembered. */
export async function rememberedScores<Row extends Json, Score extends Json>(
  context: StageContext<ModelParams>,
  model: LanguageModel,
  rows: readonly Row[],
  { salt, chunk, unit }: Remembering,
  score: (scorer: Scorer, missing: readonly Row[]) => Promise<Score[]>,
): Promise<Score[]> {
  const { threads, memo, progress } = context
  const whole = { ...modelSalt(context, model, computedBy(context.params, context.backend)), ...salt }
  const scores: Score[] = []
  let scorer: Scorer | undefined
  try {
    for await (const row of memo.map(rows, { salt: whole, chunk }, async missing => score((scorer ??= await makeScorer(model, { engine: await openEngine(context), threads })), missing))) {
      scores.push(row)
      progress(scores.length, rows.length, unit)
    }
  } catch (error) {
    failWhereFaulty(context, error)
  } finally {
    await scorer?.dispose()
  }
  return scores
}
