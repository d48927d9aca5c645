const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a file is in the way where a folder should be',
  EISDIR: 'a folder is in the way where a file should be',
}

/** Why the disk did not let something be read or written, where that is for the user to mend; undefined for any other error. */
export function refusedByDisk(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, path, dest } = error as NodeJS.ErrnoException & { dest?: string }
  const reason = reasons[code ?? '']
  return reason && `${reason}${path === undefined ? '' : ` (${dest ?? path})`}`
}
