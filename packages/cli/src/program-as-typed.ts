import { existsSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join, relative } from 'node:path'
import { shellWord } from 'hone-engine'
import { packageFolder } from './package-folder.js'

/** Whether `path` leads to this package: a link of npm does, a script of pnpm has the package beside its folder. */
function isOwn(path: string): boolean {
  if (!existsSync(path)) return false
  return realpathSync(path) === realpathSync(join(packageFolder, 'bin/hone.js')) || existsSync(join(dirname(dirname(path)), 'hone-cli', 'package.json'))
}

/** How the program is called in `cwd`, so that a printed command can be typed as it stands. */
export function programAsTyped(cwd: string, path: string | undefined): string {
  for (let dir = cwd; ; dir = dirname(dir)) {
    const bin = join(dir, 'node_modules', '.bin', 'hone')
    if (isOwn(bin)) return dir === cwd ? './node_modules/.bin/hone' : relative(cwd, bin)
    if (dir === dirname(dir)) break
  }
  if (path?.split(delimiter).some(dir => dir !== '' && isOwn(join(dir, 'hone')))) return 'hone'
  return `node ${shellWord(join(packageFolder, 'bin/hone.js'))}`
}
