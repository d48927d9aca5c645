import { writeFile } from 'node:fs/promises'
import type { ArtifactHandle, StageContext } from 'hone-engine'
import type { Example, Prediction } from '../kinds/kinds.js'
import { analyze, outcomes, shareOf, taskRows, type Analysis, type Question } from './analysis.js'
import { builtInCategories } from './built-in.js'
import type { CategoriesParams } from './categories.js'
import type { Category } from './category.js'
import { errorReport } from './report.js'

export default async function run(context: StageContext<CategoriesParams>): Promise<void> {
  const { params, inputs, outputs, metric, log, fail } = context
  const categories = chosen(context)
  const questions: Question[] = []
  for await (const example of inputs.examples as ArtifactHandle<Example>) questions.push(questionOf(example))
  if (questions.length === 0) fail('got no example')

  const members = inputs.predictions as ArtifactHandle<Prediction>[]
  const labels = members.map((m, i) => m.label || `model ${i + 1}`)
  const after = label(params, 'after', labels, 'tuned', labels.length - 1, fail)!
  const before = labels.length < 2 ? undefined : label(params, 'before', labels, 'base', after === labels[0] ? 1 : 0, fail)
  if (before === after) fail(`"before" and "after" are both "${after}"`, 'before')
  const predictions = await Promise.all(members.map(async (member, i) => ({ label: labels[i]!, texts: await answersTo(questions, member, labels[i]!, fail) })))
  let train: { task: string; reference: string }[] | undefined
  if (inputs.train) {
    train = []
    for await (const example of inputs.train as ArtifactHandle<Example>) train.push(questionOf(example))
  }

  const analysis = analyze({ questions, predictions, before, after, correct: params.correct, categories, train })
  const numbers = metricsOf(analysis)
  for (const [name, value] of Object.entries(numbers)) metric(name, value)
  await writeFile(outputs.metrics!.path, `${JSON.stringify(numbers, null, 2)}\n`)
  await writeFile(outputs.report!.path, errorReport(analysis, { ...params, categories }))
  for (const [i, q] of questions.entries()) {
    const outcome = analysis.outcomes[i]
    const category = analysis.after.categories[i]?.id
    await outputs.rows!.write({
      id: q.id,
      ...(q.task !== '' && { task: q.task }),
      question: q.question,
      reference: q.reference,
      predictions: Object.fromEntries(analysis.answers.map(a => [a.label, a.texts[i]])),
      right: Object.fromEntries(analysis.answers.map(a => [a.label, a.right[i]])),
      categories: Object.fromEntries(analysis.answers.flatMap(a => (a.categories[i] ? [[a.label, a.categories[i].id]] : []))),
      ...(outcome && { outcome }),
    })
    if (!analysis.after.right[i]) {
      await outputs.patches!.write({ id: q.id, action: 'keep', user: q.question, assistant: q.reference, prediction: analysis.after.texts[i], category, ...(q.task !== '' && { task: q.task }) })
    }
  }
  const { right, n } = shareOf(analysis, analysis.after.right, 'all')
  log(`${after}: ${right} of ${n} right${before === undefined ? '' : `; against ${before} ${outcomes.map(o => `${analysis.outcomes.filter(x => x === o).length} ${o}`).join(', ')}`}`)
}

type Fail = StageContext['fail']

function chosen({ params: { categories = ['all'] }, services }: StageContext<CategoriesParams>): readonly Category[] {
  const provided = services['categories'] as ReadonlyMap<string, Category>
  const others = builtInCategories.filter(c => !categories.includes(c.id))
  return categories.flatMap(id => (id === 'all' ? others : (builtInCategories.find(c => c.id === id) ?? provided.get(id) ?? [])))
}

function label(params: CategoriesParams, name: 'before' | 'after', labels: readonly string[], usual: string, otherwise: number, fail: Fail): string | undefined {
  const wanted = params[name]
  if (wanted !== undefined && !labels.includes(wanted)) fail(`no predictions are labelled "${wanted}"`, name, `The labels are ${labels.join(', ')}.`)
  return wanted ?? (labels.includes(usual) ? usual : labels[otherwise])
}

function questionOf({ id, messages, task }: Example): Question {
  const last = messages.findLastIndex(m => m.role === 'assistant')
  const asked = messages.slice(0, last < 0 ? messages.length : last).filter(m => m.role !== 'system')
  return { id, task: task ?? '', question: asked.map(m => m.content).join('\n\n'), reference: last < 0 ? '' : messages[last]!.content }
}

/** The texts of a model in the order of the questions, found by id. */
async function answersTo(questions: readonly Question[], handle: ArtifactHandle<Prediction>, name: string, fail: Fail): Promise<string[]> {
  const byId = new Map<string, string>()
  for await (const { id, prediction } of handle) {
    if (typeof prediction !== 'string') fail(`the predictions "${name}" have no text in row ${id}`, undefined, 'Take those of evaluate/qa.')
    byId.set(id, prediction!)
  }
  const missing = questions.filter(q => !byId.has(q.id))
  if (missing.length > 0) fail(`the predictions "${name}" lack ${missing.length} of the ${questions.length} examples, for example ${missing[0]!.id}`, undefined, 'Give the same examples to evaluate/qa and here.')
  return questions.map(q => byId.get(q.id)!)
}

/** `tuned`, `kind/tuned`, `fixed`, `gain` (after less before), `gain_over_LABEL`, each with `_low` and `_high`, and a count by category. */
function metricsOf(analysis: Analysis): Record<string, number> {
  const numbers: Record<string, number> = { rows: analysis.questions.length }
  for (const task of taskRows(analysis.tasks)) {
    const prefix = task === 'all' ? '' : `${task}/`
    const mine = (i: number) => task === 'all' || analysis.questions[i]!.task === task
    for (const { label, right } of analysis.answers) numbers[`${prefix}${label}`] = shareOf(analysis, right, task).share
    if (analysis.before) for (const outcome of outcomes) numbers[`${prefix}${outcome.replace(' ', '_')}`] = analysis.outcomes.filter((o, i) => o === outcome && mine(i)).length
    for (const { against, difference } of analysis.comparisons.filter(c => c.task === task)) {
      if (!difference) continue
      const name = `${prefix}${against === analysis.before?.label ? 'gain' : `gain_over_${against.replace('the most frequent answer', 'most_frequent').replace(/\W+/g, '_')}`}`
      Object.assign(numbers, { [name]: difference.difference, [`${name}_low`]: difference.low, [`${name}_high`]: difference.high })
    }
  }
  for (const category of analysis.after.categories) if (category) numbers[`category/${category.id}`] = (numbers[`category/${category.id}`] ?? 0) + 1
  return numbers
}
