import { barChart } from '../report/chart.js'
import { html, markup } from '../report/html.js'
import { figures, formatNumber, page, table } from '../report/page.js'
import type { MaskProof } from './mask-proof.js'

/** Rows of each length, in ten equal steps up to the longest. */
function lengthChart(lengths: readonly number[]): string {
  const longest = lengths.reduce((a, b) => Math.max(a, b), 1)
  const step = Math.max(1, Math.ceil(longest / 10))
  const counts = Array.from({ length: Math.ceil(longest / step) }, () => 0)
  for (const length of lengths) counts[Math.min(counts.length - 1, Math.floor(Math.max(0, length - 1) / step))]!++
  return barChart({
    title: 'Rows by length in tokens, before cutting',
    groups: counts.map((_, i) => (step === 1 ? String(i + 1) : `${i * step + 1}–${(i + 1) * step}`)),
    series: [{ name: 'rows', values: counts }],
    yLabel: 'rows',
  })
}

const listed = 50

/** The report of tokenizing: how much there is, how long the rows are, and what of them is learned. */
export function tokenizeReport(proof: MaskProof, lengths: readonly number[]): string {
  const train = proof.splits.train!
  return page({
    title: 'Tokens',
    subtitle: `Chat template: ${proof.template.origin === 'default' ? 'none of its own, so the default' : proof.template.origin}; learned: ${proof.train_on}.`,
    sections: [
      {
        body: [
          figures([
            { label: 'rows to train on', value: formatNumber(train.rows) },
            { label: 'tokens', value: formatNumber(train.tokens) },
            { label: 'of them learned', value: `${formatNumber((100 * train.supervised_tokens) / Math.max(1, train.tokens))}%` },
            { label: 'cut or left out', value: formatNumber(proof.cut.length) },
            ...(proof.splits.validation ? [{ label: 'rows to validate', value: formatNumber(proof.splits.validation.rows) }] : []),
          ]),
          markup(lengthChart(lengths)),
        ],
      },
      {
        title: 'By role',
        body: table(['role', 'messages', 'tokens', 'learned'], Object.entries(proof.roles).map(([role, c]) => [role, c.messages, c.tokens, c.learned])),
      },
      ...(proof.cut.length
        ? [{
            title: 'Cut or left out',
            ...(proof.cut.length > listed && { intro: `The first ${listed} of ${proof.cut.length}; proof.json lists all.` }),
            body: table(['id', 'split', 'tokens', 'what'], proof.cut.slice(0, listed).map(c => [c.id, c.split, c.tokens, c.action])),
          }]
        : []),
      ...(Object.keys(proof.straddling).length
        ? [{
            title: 'Half inside an answer',
            intro: 'These tokens reach over the border of an answer and are not learned.',
            body: table(['token', 'times'], Object.entries(proof.straddling).map(([text, n]) => [JSON.stringify(text), n])),
          }]
        : []),
      {
        title: 'What is learned',
        intro: 'The text as the model reads it; what it learns to write is marked.',
        body: proof.examples.map(({ id, spans }) => {
          const text = spans.map(s => (s.learned ? html`<mark>${s.text}</mark>` : html`${s.text}`))
          return html`<h3>${id}</h3><pre>${text}</pre>`
        }),
      },
    ],
  })
}
