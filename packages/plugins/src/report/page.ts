import { Markup, escapeHtml, html } from './html.js'

/** A part of a report. A string body counts as markup: build it with `html` or escape it with `escapeHtml`. */
export interface Section {
  readonly title?: string
  /** A sentence under the title, plain text. */
  readonly intro?: string
  readonly body: string | Markup | readonly (string | Markup)[]
}

export interface PageOptions {
  readonly title: string
  /** Plain text under the title. */
  readonly subtitle?: string
  readonly sections: readonly Section[]
  /** Plain text at the foot: whose data it is, its licence. */
  readonly footer?: string
}

/** A whole HTML page that asks for nothing outside itself, in light and dark. It holds no time, host or path, so equal input gives equal bytes. */
export function page({ title, subtitle, sections, footer }: PageOptions): string {
  const body = sections
    .map(section => {
      const parts = Array.isArray(section.body) ? section.body : [section.body]
      const heading = section.title === undefined ? '' : `<h2>${escapeHtml(section.title)}</h2>\n`
      const intro = section.intro === undefined ? '' : `<p class="intro">${escapeHtml(section.intro)}</p>\n`
      return `<section>\n${heading}${intro}${parts.join('\n')}\n</section>`
    })
    .join('\n')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header><h1>${escapeHtml(title)}</h1>${subtitle === undefined ? '' : `<p class="intro">${escapeHtml(subtitle)}</p>`}</header>
${body}
${footer === undefined ? '' : `<footer>${escapeHtml(footer)}</footer>`}
</main>
</body>
</html>
`
}

export type Cell = string | number | Markup | undefined

/** A table; numbers are set to the right. Cells are escaped unless they are `Markup`. */
export function table(columns: readonly string[], rows: readonly (readonly Cell[])[]): Markup {
  const cell = (value: Cell) => (typeof value === 'number' ? html`<td class="number">${formatNumber(value)}</td>` : html`<td>${value}</td>`)
  const numeric = columns.map((_, i) => rows.length > 0 && rows.every(row => typeof row[i] === 'number' || row[i] === undefined))
  const head = columns.map((name, i) => (numeric[i] ? html`<th class="number">${name}</th>` : html`<th>${name}</th>`))
  return html`<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>
${rows.map(row => html`<tr>${columns.map((_, i) => cell(row[i]))}</tr>\n`)}</tbody></table></div>`
}

export interface Figure {
  readonly label: string
  readonly value: string
  /** A second, smaller line: an interval, a difference. */
  readonly note?: string
}

/** A row of large numbers. */
export const figures = (items: readonly Figure[]): Markup =>
  html`<div class="figures">${items.map(f => html`<div class="figure"><div class="label">${f.label}</div><div class="value">${f.value}</div>${f.note !== undefined && html`<div class="note">${f.note}</div>`}</div>`)}</div>`

/** At most four significant decimals, no exponent for ordinary sizes: 0.8125, 12,345, 1.2e-7. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Number.isInteger(value)) return Math.abs(value) < 1e15 ? value.toLocaleString('en-US') : value.toExponential(3)
  const size = Math.abs(value)
  if (size < 1e-4 || size >= 1e9) return value.toExponential(3)
  if (size >= 1000) return value.toLocaleString('en-US', { maximumFractionDigits: 1 })
  return String(Number(value.toPrecision(4)))
}

const style = `
:root { --ink: #1c2128; --soft: #59636e; --line: #d8dee4; --paper: #ffffff; --panel: #f6f8fa; --accent: #0969da;
  --s0: #0b6bcb; --s1: #d9730d; --s2: #1a7f4b; --s3: #8250df; --s4: #c2255c; --s5: #0b7285; --s6: #7a6a00; --s7: #6e7781;
  --good: #1a7f4b; --bad: #c92a2a; --good-paper: #e6f5ec; --bad-paper: #fdecec; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa4af; --line: #30363d; --paper: #0d1117; --panel: #161b22; --accent: #58a6ff;
    --s0: #58a6ff; --s1: #f0a35e; --s2: #56d38a; --s3: #bc9bff; --s4: #ff8fb1; --s5: #5fd1e0; --s6: #d9c44a; --s7: #8b949e;
    --good: #56d38a; --bad: #ff8080; --good-paper: #12261a; --bad-paper: #2d1516; }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem } h3 { font-size: 1.05rem; margin: 1.5rem 0 .25rem }
a { color: var(--accent) } .intro { color: var(--soft); margin: 0 0 1rem; max-width: 46rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: .5rem 0 1rem }
th, td { text-align: left; vertical-align: top; padding: .4rem .7rem; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-weight: 600; white-space: nowrap } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td { overflow-wrap: anywhere } @media (max-width: 48rem) { td:not(.number) { min-width: 8rem } } pre, code { font: .85em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .75rem 1rem; overflow-x: auto; white-space: pre-wrap }
.figures { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0 } .figure { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .75rem 1rem; min-width: 9rem }
.figure .label { color: var(--soft); font-size: .85rem } .figure .value { font-size: 1.5rem; font-weight: 650; font-variant-numeric: tabular-nums } .figure .note { color: var(--soft); font-size: .8rem }
svg.chart { display: block; width: 100%; height: auto; margin: .75rem 0 1.25rem; color: var(--ink) }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; padding: .25rem .9rem } summary { cursor: pointer; padding: .35rem 0; font-weight: 600 }
.good { color: var(--good) } .bad { color: var(--bad) } td.good { background: var(--good-paper) } td.bad { background: var(--bad-paper) } .soft { color: var(--soft) }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .85rem }
`
