import { createHash } from 'node:crypto'
import type { StageContext } from 'hone-engine'
import { makeGenerator, scoreRows, type Generator, type LanguageModel } from 'hone-lm'
import { chosenMetrics } from './chosen-metrics.js'
import { computedBy } from './computed-by.js'
import { failWhereFaulty } from './faulty-model.js'
import { openEngine } from './open-engine.js'
import { modelSalt, openModel } from './open-model.js'
import type { QaParams } from './qa.js'
import { readQuestions, type Question } from './questions.js'
import { writeMetrics } from './write-metrics.js'

/** Rows decoded together. Part of the salt: it may decide the last bits of a number. */
const slots = 16
/** Rows whose answers are remembered together. */
const chunk = 64

/** What is remembered of a row. A type, not an interface, so that it counts as JSON. */
type Answered = { readonly text: string; readonly reason: string }

export default async function run(context: StageContext<QaParams>): Promise<void> {
  const { params, outputs, warn, log } = context
  const model = await openModel(context)
  const questions = await readQuestions(context, model)
  log(`The first prompt: ${JSON.stringify(questions[0]!.prompt)}`)
  const answers = await answerAll(context, model, questions)
  const cut = answers.filter(a => a.reason === 'length').length
  if (cut > questions.length / 2) warn(`${cut} of ${questions.length} answers were cut at ${params.max_new_tokens} tokens ("max_new_tokens")`)

  const scored = scoreRows(chosenMetrics(context), questions.map(({ task, reference }, i) => ({ prediction: answers[i]!.text, references: [reference], ...(task !== undefined && { task }) })))
  for (const [i, { id, task, question, reference }] of questions.entries()) {
    const row = { id, ...(task !== undefined && { task }) }
    await outputs.predictions!.write({ ...row, prompt: question, prediction: answers[i]!.text, reference })
    await outputs.scores!.write({ ...row, ...scored.rows[i] })
  }
  await writeMetrics(context, scored.metrics)
}

/** The model's answers, through the memo: another list of metrics, or a new example, generates only what is not there. */
async function answerAll(context: StageContext<QaParams>, model: LanguageModel, questions: readonly Question[]): Promise<Answered[]> {
  const { params, seed, threads, signal, memo, progress, log } = context
  const sampling = { temperature: params.temperature, topP: params.top_p, topK: params.top_k, seed }
  const isSampled = params.temperature > 0
  const salt = {
    ...modelSalt(context, model, computedBy(params, context.backend)),
    slots, max_new_tokens: params.max_new_tokens, stop: params.stop, sampling: isSampled ? sampling : null,
  }
  // A greedy answer depends on the prompt alone, a drawn one also on the row, so that equal prompts may be answered differently.
  const rows = questions.map(({ id, prompt }) => ({ prompt, stream: isSampled ? streamOf(id) : 0 }))
  const answers: Answered[] = []
  let generator: Generator | undefined
  let generated = 0
  const generate = async (missing: readonly { readonly prompt: string; readonly stream: number }[]): Promise<Answered[]> => {
    generator ??= await makeGenerator(model, { engine: await openEngine(context), threads, slots })
    const before = answers.length
    const { answers: given, tokensPerSecond } = await generator.generate(missing.map(r => r.prompt), {
      maxNewTokens: params.max_new_tokens, sampling, stop: params.stop, streams: missing.map(r => r.stream), signal,
      onProgress: done => progress(before + done, questions.length, 'answers'),
    })
    generated += missing.length
    log(`${missing.length} answers at ${Math.round(tokensPerSecond)} tokens/s`)
    return given.map(({ text, reason }) => ({ text, reason }))
  }
  try {
    for await (const answer of memo.map(rows, { salt, chunk }, generate)) {
      answers.push(answer)
      progress(answers.length, questions.length, 'answers')
    }
  } catch (error) {
    failWhereFaulty(context, error)
  } finally {
    await generator?.dispose()
  }
  log(`${generated} answers generated, ${questions.length - generated} remembered`)
  return answers
}

/** A number of 48 bits that tells a row's draws from those of others, wherever it stands. */
const streamOf = (id: string): number => Number.parseInt(createHash('sha256').update(id).digest('hex').slice(0, 12), 16)
