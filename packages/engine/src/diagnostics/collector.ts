import type { Code } from './codes.js'
import type { Diagnostic, SourceRange } from './diagnostic.js'
import type { Result } from './result.js'

type Details = { readonly hint?: string | undefined; readonly related?: Diagnostic['related'] | undefined }

/** Gathers diagnostics, each once: a mistake that a thousand nodes of a matrix share is one mistake. */
export class Collector {
  readonly #seen = new Map<string, Diagnostic>()
  #errors = 0

  error(code: Code, range: SourceRange | undefined, message: string, details: Details = {}): void {
    this.#add('error', code, range, message, details)
  }

  warning(code: Code, range: SourceRange | undefined, message: string, details: Details = {}): void {
    this.#add('warning', code, range, message, details)
  }

  addAll(diagnostics: Iterable<Diagnostic>): void {
    for (const d of diagnostics) this.#keep(d)
  }

  /** Those of a later step, without what stands right where an earlier one found an error: that is its echo. */
  addFollowing(diagnostics: Iterable<Diagnostic>): void {
    const places = new Set([...this.#seen.values()].filter(d => d.severity === 'error' && d.range).map(d => `${d.range!.file}\0${d.range!.offset}`))
    for (const d of diagnostics) if (!d.range || !places.has(`${d.range.file}\0${d.range.offset}`)) this.#keep(d)
  }

  #add(severity: Diagnostic['severity'], code: Code, range: SourceRange | undefined, message: string, { hint, related }: Details) {
    this.#keep({ code, severity, message, ...(range && { range }), ...(hint !== undefined && { hint }), ...(related?.length && { related }) })
  }

  #keep(d: Diagnostic) {
    const identity = `${d.code}\0${d.range?.file}\0${d.range?.offset}\0${d.message}`
    if (this.#seen.has(identity)) return
    this.#seen.set(identity, d)
    if (d.severity === 'error') this.#errors++
  }

  get errors(): number {
    return this.#errors
  }

  /** In the order of the text. */
  get diagnostics(): readonly Diagnostic[] {
    return [...this.#seen.values()].sort((a, b) => (a.range?.file ?? '').localeCompare(b.range?.file ?? '') || (a.range?.offset ?? -1) - (b.range?.offset ?? -1))
  }

  /** The value if nothing was wrong, which `make` is asked for only then. */
  result<T>(make: () => T): Result<T> {
    return this.#errors > 0 ? { ok: false, diagnostics: this.diagnostics } : { ok: true, value: make(), diagnostics: this.diagnostics }
  }
}
