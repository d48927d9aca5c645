import type { Diagnostic } from './diagnostic.js'

/** A mistake of the user that shows where no list of diagnostics is at hand. */
export class DiagnosticError extends Error {
  readonly diagnostic: Diagnostic

  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message)
    this.diagnostic = diagnostic
  }
}
