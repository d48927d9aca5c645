import { relative, isAbsolute } from 'node:path'
import type { Diagnostic, SourceRange } from './diagnostic.js'

/** How parts of a message are coloured. Each function wraps text in codes, or returns it as it is. */
export interface Palette {
  readonly error: (text: string) => string
  readonly warning: (text: string) => string
  readonly hint: (text: string) => string
  readonly strong: (text: string) => string
  readonly faint: (text: string) => string
}

export interface RenderOptions {
  /** The text of a file that ranges point into; without it there is no frame. */
  readonly textOf: (file: string) => string | undefined
  /** Paths are shown relative to it. */
  readonly cwd: string
  readonly palette?: Palette
}

const same = (text: string) => text
const plain: Palette = { error: same, warning: same, hint: same, strong: same, faint: same }

/** `file:line:col`, the file relative to `cwd` where it lies below it. */
export function renderPlace(range: SourceRange, cwd: string): string {
  return `${shortPath(range.file, cwd)}:${range.line}:${range.column}`
}

function shortPath(file: string, cwd: string): string {
  if (!isAbsolute(file)) return file
  const path = relative(cwd, file)
  return path.startsWith('..') && path.split('..').length > 4 ? file : path.replaceAll('\\', '/')
}

/**
 * One diagnostic as people read it: place, message, the lines around it with a caret, related places, hint.
 *
 *     pipelines/sft.yaml:14:11 error: "rank" must be ≥ 1; got 0 (bad-parameter)
 *        13 |     with:
 *      > 14 |       rank: 0
 *           |             ^
 *       hint: …
 */
export function renderDiagnostic(diagnostic: Diagnostic, options: RenderOptions): string {
  const palette = options.palette ?? plain
  const { range, severity, message, code, hint, related = [] } = diagnostic
  const tint = severity === 'error' ? palette.error : palette.warning
  const place = range ? `${palette.strong(renderPlace(range, options.cwd))} ` : ''
  const lines = [`${place}${tint(`${severity}:`)} ${message} ${palette.faint(`(${code})`)}`]
  if (range) lines.push(...frame(range, options, palette, tint, 1))
  for (const { message, range } of related) {
    lines.push(`  ${palette.strong(renderPlace(range, options.cwd))} ${message}`, ...frame(range, options, palette, palette.faint, 0))
  }
  if (hint !== undefined) lines.push(`  ${palette.hint('hint:')} ${hint}`)
  return lines.join('\n')
}

/** All of them, with an empty line between, and how many there were. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], options: RenderOptions): string {
  const count = (severity: string) => diagnostics.filter(d => d.severity === severity).length
  const plural = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`
  const totals = [count('error') && plural(count('error'), 'error'), count('warning') && plural(count('warning'), 'warning')].filter(Boolean)
  return [...diagnostics.map(d => renderDiagnostic(d, options)), totals.join(', ')].filter(Boolean).join('\n\n')
}

const widest = 140

/** The line with a caret below, and `around` lines before and after that are not blank. */
function frame(range: SourceRange, { textOf }: RenderOptions, palette: Palette, tint: (text: string) => string, around: number): string[] {
  const text = textOf(range.file)
  if (text === undefined) return []
  const all = text.split(/\r\n|\n|\r/)
  const digits = String(Math.min(all.length, range.line + around)).length
  const out: string[] = []
  for (let number = Math.max(1, range.line - around); number <= Math.min(all.length, range.line + around); number++) {
    const line = all[number - 1]!
    const gutter = String(number).padStart(digits)
    if (number !== range.line) {
      if (line.trim()) out.push(palette.faint(`    ${gutter} | ${line.slice(0, widest)}`))
      continue
    }
    // A window into very long lines.
    const from = range.column > widest ? range.column - widest / 2 : 0
    const column = range.column - 1 - from
    const shown = line.slice(from, from + widest)
    out.push(`  ${tint('>')} ${gutter} | ${shown}`)
    const length = Math.max(1, Math.min(range.length, shown.length - column))
    out.push(`    ${' '.repeat(digits)} | ${blank(shown.slice(0, column))}${tint('^'.repeat(displayWidth(shown.slice(column, column + length)) || 1))}`)
  }
  return out
}

/** Spaces as wide as the text; tabs stay tabs. */
const blank = (text: string) => [...text].map(c => (c === '\t' ? '\t' : ' '.repeat(displayWidth(c)))).join('')

/** Columns that a terminal gives a text: two for East Asian wide characters and emoji, none for combining marks. */
function displayWidth(text: string): number {
  let width = 0
  for (const c of text) width += /\p{Mark}/u.test(c) ? 0 : /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u.test(c) ? 2 : 1
  return width
}
