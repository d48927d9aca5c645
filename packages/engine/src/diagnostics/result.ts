import type { Diagnostic } from './diagnostic.js'

/** What a step of the planning gives: a value with warnings at most, or the errors that kept it from one. */
export type Result<T> =
  | { readonly ok: true; readonly value: T; readonly diagnostics: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }
