import type { Code } from './codes.js'
import type { Diagnostic } from './diagnostic.js'

/** What a step of the planning gives: a value with warnings at most, or the errors that kept it from one. */
export type Result<T> =
  | { readonly ok: true; readonly value: T; readonly diagnostics: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

/** One mistake, which has no place in a file. */
export const refusal = (code: Code, message: string, hint?: string): { readonly ok: false; readonly diagnostics: readonly Diagnostic[] } => ({
  ok: false,
  diagnostics: [{ code, severity: 'error', message, ...(hint && { hint }) }],
})
