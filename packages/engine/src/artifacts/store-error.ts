/** `output`: the stage left something that cannot be stored. The others lie outside the stage. */
export type StoreErrorReason = 'full' | 'read-only' | 'denied' | 'newer' | 'output' | 'io'

/** What kept the store from reading or writing, with what to try. Nothing that was stored before is lost by it. */
export class StoreError extends Error {
  readonly reason: StoreErrorReason
  readonly hint: string

  constructor(reason: StoreErrorReason, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StoreError'
    this.reason = reason
    this.hint = hint
  }
}

const byCode: Record<string, { reason: StoreErrorReason; says: string; hint: string }> = {
  ENOSPC: { reason: 'full', says: 'the disk is full', hint: 'Free some space, for example with `hone cache gc`, and run again: what is done so far is kept.' },
  EDQUOT: { reason: 'full', says: 'the disk quota is used up', hint: 'Free some space, for example with `hone cache gc`, and run again: what is done so far is kept.' },
  EROFS: { reason: 'read-only', says: 'the file system is read-only', hint: 'Set HONE_HOME to a folder that can be written.' },
  EACCES: { reason: 'denied', says: 'permission denied', hint: 'Give yourself the right to write there, or set HONE_HOME to a folder that you own.' },
  EPERM: { reason: 'denied', says: 'permission denied', hint: 'Give yourself the right to write there, or set HONE_HOME to a folder that you own.' },
  ENOTDIR: { reason: 'io', says: 'a file is in the way where a folder should be', hint: 'Move it aside, or set HONE_HOME to another folder.' },
  ENAMETOOLONG: { reason: 'io', says: 'the name is too long for the file system', hint: 'Set HONE_HOME to a folder with a shorter path.' },
  EIO: { reason: 'io', says: 'the disk reports an error', hint: 'Check the disk; `hone cache verify` then tells which objects are hurt.' },
  EMFILE: { reason: 'io', says: 'too many open files', hint: 'Raise the limit with `ulimit -n 4096`, or run fewer stages at once with --jobs.' },
  ENFILE: { reason: 'io', says: 'too many open files', hint: 'Close other programs, or run fewer stages at once with --jobs.' },
}

/** The code of a file system error (`ENOENT`), else undefined. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** What the disk had against it, in words; undefined where it was not the disk. A folder that is made where a file lies ends with EEXIST. */
export const diskSays = (error: unknown): string | undefined => byCode[codeOf(error) === 'EEXIST' ? 'ENOTDIR' : (codeOf(error) ?? '')]?.says

/** Turns errors of a full, read-only, forbidden or broken disk into a StoreError and leaves others as they are. */
export function asStoreError(error: unknown, doing: string): unknown {
  if (error instanceof StoreError) return error
  const known = byCode[codeOf(error) ?? '']
  if (!known) return error
  const path = (error as NodeJS.ErrnoException).path
  return new StoreError(known.reason, `Cannot ${doing}: ${known.says}${path ? ` (${path})` : ''}`, known.hint, error)
}
