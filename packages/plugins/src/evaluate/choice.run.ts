import type { ArtifactHandle, StageContext } from 'hone-engine'
import {
  aggregateByTask, choiceAccuracy, chosen, encodeContinuation, scoreContinuations, TemplateError, truncateLeft, type LanguageModel, type SequenceToScore,
} from 'hone-lm'
import { rowIds } from '../kinds/ids.js'
import type { Message, Row } from '../kinds/kinds.js'
import { choiceQuestion, RowProblem, type ChoiceQuestion } from './choice-question.js'
import type { ChoiceParams } from './choice.js'
import { openModel } from './open-model.js'
import { rememberedScores } from './remembered-scores.js'
import { writeMetrics } from './write-metrics.js'

/** Questions whose numbers are remembered together. */
const chunk = 32

interface Question extends ChoiceQuestion {
  readonly id: string
  readonly task: string | undefined
}

/** What is remembered of a question, by choice. */
type Likelihoods = { readonly sums: readonly number[]; readonly greedy: readonly boolean[] }

export default async function run(context: StageContext<ChoiceParams>): Promise<void> {
  const { inputs, outputs, fail } = context
  const model = await openModel(context)
  const questions = await readQuestions(context, inputs.rows as ArtifactHandle<Row>, 'Row')
  if (questions.length === 0) fail('There is no question to choose in')
  const shots = inputs.shots ? await readQuestions(context, inputs.shots as ArtifactHandle<Row>, 'Shot') : []
  const sequences = questions.map(question => encode(context, model, question, shots))
  const likelihoods = await scoreAll(context, model, sequences)
  const scored = questions.map(({ choices, gold, task }, i) => ({ logLikelihoods: likelihoods[i]!.sums, choices, gold, ...(task !== undefined && { task }) }))
  for (const [i, { id, task, gold, choices, contexts }] of questions.entries()) {
    const { sums, greedy } = likelihoods[i]!
    await outputs.predictions!.write({
      id, ...(task !== undefined && { task }), loglikelihoods: sums, greedy, gold,
      prompt: contexts[gold]!, prediction: choices[chosen(scored[i]!).byLikelihood]!, reference: choices[gold]!,
    })
  }
  await writeMetrics(context, aggregateByTask(scored, choiceAccuracy))
}

async function readQuestions({ params, fail, signal }: StageContext<ChoiceParams>, source: ArtifactHandle<Row>, what: string): Promise<Question[]> {
  const idOf = rowIds()
  const questions: Question[] = []
  for await (const row of source) {
    signal.throwIfAborted()
    try {
      questions.push({ id: typeof row.id === 'string' ? row.id : idOf(row), task: typeof row.task === 'string' ? row.task : undefined, ...choiceQuestion(row, params) })
    } catch (error) {
      if (error instanceof RowProblem) fail(`${what} ${questions.length + 1}: ${error.message}`, error.param)
      throw error
    }
  }
  return questions
}

/** The tokens of each choice after its context and the shots. */
function encode(context: StageContext<ChoiceParams>, model: LanguageModel, question: Question, shots: readonly Question[]): SequenceToScore[] {
  const { params, fail } = context
  const separator = params.separator ?? (params.chat_template ? '' : ' ')
  const { tokenizer, config } = model
  // A question is not shown its own answer.
  const shown = shots.filter(shot => shot.id !== question.id)
  return question.choices.map((choice, i) => {
    const before = params.chat_template
      ? chat(context, model, question.id, [...shown.flatMap(asTurns), { role: 'user', content: question.contexts[i]! }])
      : [...shown.map(shot => shot.contexts[shot.gold]! + separator + shot.choices[shot.gold]!), question.contexts[i]!].join('\n\n')
    const encoded = encodeContinuation(tokenizer, { context: before, continuation: separator + choice }, tokenizer.bosId ?? tokenizer.eosId)
    if (!encoded) return fail(`${question.id}: there is nothing before the choice ${JSON.stringify(choice)}, and the tokenizer has no begin token`, 'context')
    const starting = params.chat_template ? [] : tokenizer.surrounding.before
    const whole = encoded.ids[0] === starting[0] ? encoded : { ids: [...starting, ...encoded.ids], from: encoded.from + starting.length }
    return truncateLeft(whole, config.maxPositions) ?? fail(`${question.id}: a choice has ${whole.ids.length - whole.from} tokens; the model's context is ${config.maxPositions}`, 'choices')
  })
}

const asTurns = ({ contexts, choices, gold }: ChoiceQuestion): Message[] => [{ role: 'user', content: contexts[gold]! }, { role: 'assistant', content: choices[gold]! }]

function chat({ fail }: StageContext, { template }: LanguageModel, id: string, messages: readonly Message[]): string {
  try {
    return template.render(messages, { addGenerationPrompt: true })
  } catch (error) {
    if (error instanceof TemplateError) return fail(`${id}: ${error.message}`, 'template')
    throw error
  }
}

function scoreAll(context: StageContext<ChoiceParams>, model: LanguageModel, questions: readonly (readonly SequenceToScore[])[]): Promise<Likelihoods[]> {
  const rows = questions.map(sequences => sequences.map(({ ids, from }) => ({ ids, from })))
  return rememberedScores(context, model, rows, { chunk, unit: 'questions' }, async (scorer, missing) => {
    const scored = await scoreContinuations(scorer, missing.flat(), { signal: context.signal })
    let next = 0
    return missing.map(sequences => {
      const own = scored.slice(next, (next += sequences.length))
      return { sums: own.map(s => s.logLikelihood), greedy: own.map(s => s.isGreedy) }
    })
  })
}
