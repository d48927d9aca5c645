import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** What projects of one user share: `HONE_CACHE`, else `hone` in the user's cache folder (`XDG_CACHE_HOME`, `~/.cache`; on Windows `LOCALAPPDATA`). */
export function userCache(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env['HONE_CACHE']) return resolve(env['HONE_CACHE'])
  const base = env['XDG_CACHE_HOME'] || (process.platform === 'win32' && env['LOCALAPPDATA']) || join(env['HOME'] || homedir(), '.cache')
  return join(base, 'hone')
}
