/** A question with its reference and what one model answered, wrongly. */
export interface Answered {
  readonly question: string
  readonly reference: string
  readonly prediction: string
  /** Every answer that the task knows, normalized: of the examples, and of what was trained on where that is given. */
  readonly knownAnswers: ReadonlySet<string>
  /** Characters of the longest answer that the task knows. */
  readonly longestAnswer: number
}

/** A way to be wrong. A wrong row is counted under the first category that fits. */
export interface Category {
  readonly id: string
  readonly title: string
  /** A sentence for the report. */
  readonly about: string
  test(row: Answered): boolean
}
