// Runs the pinned pnpm through npx, so that nobody needs to have it installed.
import { spawnSync } from 'node:child_process'

export const pnpmVersion = '12.21.0'

/** Runs pnpm with these arguments in `cwd`; ends the process with its exit code where it fails. */
export function pnpm(args, { cwd, quiet = false } = {}) {
  const npx = process.platform === 'win32' ? 'npx.cmd' : 'npx'
  const { status, stdout, stderr } = spawnSync(npx, ['--yes', `pnpm@${pnpmVersion}`, ...args], {
    cwd,
    stdio: quiet ? 'pipe' : 'inherit',
    shell: process.platform === 'win32',
    encoding: 'utf8',
  })
  if (status !== 0) {
    if (quiet) process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`)
    process.exit(status ?? 1)
  }
}
