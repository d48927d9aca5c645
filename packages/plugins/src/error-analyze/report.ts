import type { Difference } from 'hone-lm'
import { barChart } from '../report/chart.js'
import { html, markup, type Markup } from '../report/html.js'
import { figures, page, table, type Section } from '../report/page.js'
import { allTasks, outcomes, shareOf, taskRows, type Analysis, type Answers, type Outcome } from './analysis.js'
import type { CategoriesParams } from './categories.js'
import type { Category } from './category.js'

type ReportParams = Omit<CategoriesParams, 'categories'> & { readonly categories: readonly Category[] }

const percent = (share: number) => `${(100 * share).toFixed(1)}%`
const signed = (share: number) => `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(1)}`
const taskName = (task: string) => (task === allTasks ? 'all' : task === '' ? 'no task' : task)

/** The page of an analysis: how much is right, what changed, which errors are left, and rows of each to read. */
export function errorReport(analysis: Analysis, params: ReportParams): string {
  const sections: Section[] = [summary(analysis), ...differences(analysis), ...outcomeSection(analysis), categorySection(analysis, params.categories), ...rowSections(analysis, params)]
  return page({
    title: params.title,
    subtitle: `${analysis.questions.length} held-out questions. An answer is right when ${params.correct === 'exact_match' ? 'it equals the reference' : 'it equals the reference but for case, punctuation and articles'}. Intervals are 95%.`,
    sections,
    ...(params.credit !== undefined && { footer: params.credit }),
  })
}

function summary(analysis: Analysis): Section {
  const { answers } = analysis
  const rows = taskRows(analysis.tasks)
  const shares = answers.map(a => rows.map(task => shareOf(analysis, a.right, task)))
  return {
    title: 'How much is right',
    body: [
      figures(answers.map((a, i) => ({ label: a.label, value: percent(shares[i]![0]!.share), note: `${shares[i]![0]!.right} of ${shares[i]![0]!.n} right` }))),
      markup(
        barChart({
          title: 'Right answers by task, with 95% intervals (Wilson)',
          groups: rows.map(taskName),
          yLabel: 'share right',
          yMax: 1,
          series: answers.map((a, i) => ({ name: a.label, values: shares[i]!.map(s => s.share), low: shares[i]!.map(s => s.low), high: shares[i]!.map(s => s.high) })),
        }),
      ),
      table(['task', 'questions', ...answers.map(a => a.label), ...(analysis.mostFrequent.size > 0 ? ['most frequent answer in train'] : [])], rows.map((task, t) => [
        taskName(task), shares[0]![t]!.n, ...answers.map((_, i) => `${percent(shares[i]![t]!.share)} (${percent(shares[i]![t]!.low)} to ${percent(shares[i]![t]!.high)})`),
        ...(analysis.mostFrequent.size > 0 ? [analysis.mostFrequent.get(rows.length === 1 ? analysis.tasks[0]! : task) ?? ''] : []),
      ])),
    ],
  }
}

function differences({ comparisons, after }: Analysis): Section[] {
  if (comparisons.length === 0) return []
  const verdict = (d: Difference): Markup => (d.low > 0 ? html`<span class="good">better</span>` : d.high < 0 ? html`<span class="bad">worse</span>` : html`<span class="soft">no clear difference</span>`)
  return [
    {
      title: `${after.label} against the others`,
      intro: 'In points of the share right, on the same questions; the interval is that of the paired differences (normal approximation).',
      body: table(['task', 'against', 'difference', '95% interval', ''], comparisons.map(({ task, against, difference: d }) =>
        d ? [taskName(task), against, signed(d.difference), `${signed(d.low)} to ${signed(d.high)}`, verdict(d)] : [taskName(task), against, 'one question only', '', ''])),
    },
  ]
}

function outcomeSection(analysis: Analysis): Section[] {
  const { before, after, questions } = analysis
  if (!before) return []
  const rows = taskRows(analysis.tasks)
  const count = (outcome: Outcome, task: string) => analysis.outcomes.filter((o, i) => o === outcome && (task === allTasks || questions[i]!.task === task)).length
  return [
    {
      title: `From ${before.label} to ${after.label}`,
      intro: `Fixed: wrong before, right after. Broken: the other way round.`,
      body: table(['task', ...outcomes], rows.map(task => [taskName(task), ...outcomes.map(o => count(o, task))])),
    },
  ]
}

function categorySection(analysis: Analysis, categories: readonly Category[]): Section {
  const { before, after, questions, tasks } = analysis
  const count = (answers: Answers | undefined, category: Category, task?: string) => answers?.categories.filter((c, i) => c === category && (task === undefined || questions[i]!.task === task)).length ?? 0
  const found = categories.filter(c => count(after, c) + count(before, c) > 0)
  if (found.length === 0) return { title: 'How it is wrong', body: html`<p>Nothing is wrong.</p>` }
  const left = found.filter(c => count(after, c) > 0)
  return {
    title: 'How it is wrong',
    intro: `Each wrong answer counts under the first category that fits.`,
    body: [
      ...(left.length === 0 ? [html`<p>${after.label} has everything right.</p>`] : [
        markup(barChart({ title: `Wrong answers of ${after.label} by category and task`, groups: left.map(c => c.title), yLabel: 'questions', stacked: true, series: tasks.map(task => ({ name: taskName(task), values: left.map(c => count(after, c, task)) })) })),
      ]),
      table(['category', ...(before ? [before.label] : []), after.label, 'what it means'], found.map(c => [c.title, ...(before ? [count(before, c)] : []), count(after, c), c.about])),
    ],
  }
}

/** The rows to read: what was fixed and broken, then what is wrong by category. */
function rowSections(analysis: Analysis, { shown, categories }: ReportParams): Section[] {
  const { before, after, questions, outcomes: found } = analysis
  if (shown === 0) return []
  const group = (title: string, indices: readonly number[], isOpen: boolean): Markup | undefined =>
    indices.length === 0
      ? undefined
      : html`<details${isOpen && markup(' open')}><summary>${title}: ${indices.length}${indices.length > shown && `, ${shown} shown`}</summary>${table(
          [...(analysis.tasks.length > 1 ? ['task'] : []), 'question', 'reference', ...(before ? [before.label] : []), after.label],
          indices.slice(0, shown).map(i => [
            ...(analysis.tasks.length > 1 ? [questions[i]!.task] : []),
            lines(questions[i]!.question), lines(questions[i]!.reference), ...(before ? [answer(before, i)] : []), answer(after, i),
          ]),
        )}</details>`
  const where = (test: (i: number) => boolean) => questions.map((_, i) => i).filter(test)
  const changed = before ? [group('Fixed', where(i => found[i] === 'fixed'), true), group('Broken', where(i => found[i] === 'broken'), true)].filter(g => g !== undefined) : []
  const wrong = categories.map((c, i) => group(c.title, where(n => after.categories[n] === c), i === 0)).filter(g => g !== undefined)
  const right = group('Right', where(i => after.right[i]!), false)
  return [
    ...(changed.length > 0 ? [{ title: 'What changed', body: changed }] : []),
    ...(wrong.length > 0 ? [{ title: `What ${after.label} gets wrong`, body: wrong }] : []),
    ...(right ? [{ title: `What ${after.label} gets right`, body: right }] : []),
  ]
}

const longest = 600
const lines = (text: string): Markup => html`${(text.length > longest ? `${text.slice(0, longest)} …` : text).split('\n').map((line, i) => (i === 0 ? html`${line}` : html`<br>${line}`))}`
const answer = ({ texts, right }: Answers, i: number): Markup => html`<span class="${right[i] ? 'good' : 'bad'}">${texts[i]!.trim() === '' ? '(empty)' : lines(texts[i]!)}</span>`
