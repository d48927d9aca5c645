/** A place in a text file: 1-based line and column, 0-based offset, length in UTF-16 units. */
export interface SourceRange {
  readonly file: string
  readonly offset: number
  readonly length: number
  readonly line: number
  readonly column: number
}

/** A user's mistake that can be seen before anything starts. `code` stands in `codes.ts` and in docs/diagnostics.md. */
export interface Diagnostic {
  readonly code: string
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly range?: SourceRange
  /** What to try, as a whole sentence. */
  readonly hint?: string
  readonly related?: readonly { readonly message: string; readonly range: SourceRange }[]
}
