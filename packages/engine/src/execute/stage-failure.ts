/** What `fail()` throws, and a reader that meets a bad row: final, so that no retry repeats it. */
export class StageFailure extends Error {
  readonly param: string | undefined
  readonly hint: string | undefined

  constructor(message: string, param?: string, hint?: string) {
    super(message)
    this.name = 'StageFailure'
    this.param = param
    this.hint = hint
  }
}
