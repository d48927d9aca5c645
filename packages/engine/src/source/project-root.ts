import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** The nearest folder above a pipeline file that holds `package.json` or `hone.yaml`, else the file's own folder. Absolute. */
export function findProjectRoot(file: string): string {
  const own = dirname(resolve(file))
  for (let dir = own; ; dir = dirname(dir)) {
    if (existsSync(join(dir, 'package.json')) || existsSync(join(dir, 'hone.yaml'))) return dir
    if (dirname(dir) === dir) return own
  }
}
