import { exactMatch, exactMatchNormalized, normalizeAnswer, pairedDifference, wilsonInterval, type Difference, type Interval } from 'hone-lm'
import type { Category } from './category.js'

export type Outcome = 'fixed' | 'broken' | 'still wrong' | 'still right'
export const outcomes: readonly Outcome[] = ['fixed', 'broken', 'still wrong', 'still right']

export interface Question {
  readonly id: string
  readonly task: string
  readonly question: string
  readonly reference: string
}

/** One model's answers, in the order of the questions. */
export interface Answers {
  readonly label: string
  readonly texts: readonly string[]
  readonly right: readonly boolean[]
  /** The category of each wrong answer. */
  readonly categories: readonly (Category | undefined)[]
}

export interface Share extends Interval {
  readonly right: number
  readonly n: number
  readonly share: number
}

export interface Comparison {
  readonly task: string
  readonly against: string
  /** Undefined where a task has fewer than two rows. */
  readonly difference: Difference | undefined
}

export const allTasks = 'all'

export interface Analysis {
  readonly questions: readonly Question[]
  readonly tasks: readonly string[]
  readonly answers: readonly Answers[]
  readonly before: Answers | undefined
  readonly after: Answers
  /** Of each question, where there is a before. */
  readonly outcomes: readonly Outcome[]
  readonly comparisons: readonly Comparison[]
  /** By task, where what was trained on is known. */
  readonly mostFrequent: ReadonlyMap<string, string>
}

const metricOf = { exact_match: exactMatch, exact_match_normalized: exactMatchNormalized }

export interface AnalysisInput {
  readonly questions: readonly Question[]
  readonly predictions: readonly { readonly label: string; readonly texts: readonly string[] }[]
  readonly before: string | undefined
  readonly after: string
  readonly correct: keyof typeof metricOf
  readonly categories: readonly Category[]
  readonly train: readonly { readonly task: string; readonly reference: string }[] | undefined
}

export function analyze({ questions, predictions, before, after, correct, categories, train }: AnalysisInput): Analysis {
  const tasks = [...new Set(questions.map(q => q.task))].sort()
  const known = new Map(tasks.map(task => [task, knownAnswers([...questions, ...(train ?? [])].filter(q => q.task === task).map(q => q.reference))]))
  const isRight = (prediction: string, reference: string) => metricOf[correct].score(prediction, [reference])[correct] === 1

  const answers = predictions.map(({ label, texts }): Answers => {
    const right = texts.map((text, i) => isRight(text, questions[i]!.reference))
    const sorted = texts.map((prediction, i) => {
      if (right[i]) return undefined
      const { question, reference, task } = questions[i]!
      return categories.find(c => c.test({ question, reference, prediction, ...known.get(task)! }))
    })
    return { label, texts, right, categories: sorted }
  })
  const find = (label: string | undefined) => answers.find(a => a.label === label)
  const beforeAnswers = find(before)
  const afterAnswers = find(after)!

  const mostFrequent = new Map(train ? tasks.flatMap(task => mostFrequentOf(train.filter(t => t.task === task).map(t => t.reference)).map(answer => [task, answer] as const)) : [])
  const others: { label: string; right: readonly boolean[] }[] = answers.filter(a => a !== afterAnswers)
  if (train) others.push({ label: 'the most frequent answer', right: questions.map(q => mostFrequent.has(q.task) && isRight(mostFrequent.get(q.task)!, q.reference)) })
  const comparisons = taskRows(tasks).flatMap(task =>
    others.map(other => {
      const indices = questions.flatMap((q, i) => (task === allTasks || q.task === task ? [i] : []))
      const score = (right: readonly boolean[]) => indices.map(i => (right[i] ? 1 : 0))
      return { task, against: other.label, difference: indices.length < 2 ? undefined : pairedDifference(score(other.right), score(afterAnswers.right)) }
    }),
  )
  return {
    questions,
    tasks,
    answers,
    before: beforeAnswers,
    after: afterAnswers,
    outcomes: beforeAnswers ? questions.map((_, i) => outcomeOf(beforeAnswers.right[i]!, afterAnswers.right[i]!)) : [],
    comparisons,
    mostFrequent,
  }
}

/** All together, then each task, where there is more than one. */
export const taskRows = (tasks: readonly string[]): readonly string[] => (tasks.length > 1 ? [allTasks, ...tasks] : [tasks[0] === '' ? allTasks : (tasks[0] ?? allTasks)])

/** How many of a task one model has right, with Wilson's interval. */
export function shareOf({ questions }: Pick<Analysis, 'questions'>, right: readonly boolean[], task: string): Share {
  const mine = right.filter((_, i) => task === allTasks || questions[i]!.task === task)
  const count = mine.filter(Boolean).length
  return { right: count, n: mine.length, share: count / mine.length, ...wilsonInterval(count, mine.length) }
}

const outcomeOf = (before: boolean, after: boolean): Outcome => (after ? (before ? 'still right' : 'fixed') : before ? 'broken' : 'still wrong')

function knownAnswers(references: readonly string[]): { knownAnswers: ReadonlySet<string>; longestAnswer: number } {
  return { knownAnswers: new Set(references.map(normalizeAnswer).filter(r => r !== '')), longestAnswer: references.reduce((n, r) => Math.max(n, r.length), 0) }
}

/** The first of the most frequent in the order of the alphabet; none of an empty list. */
function mostFrequentOf(answers: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 1).map(([answer]) => answer)
}
