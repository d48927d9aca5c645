/** A checkpoint that is missing, truncated or not what it says. The message names the file and what to try. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError'
  readonly file: string

  constructor(file: string, message: string) {
    super(`${file}: ${message}`)
    this.file = file
  }
}
