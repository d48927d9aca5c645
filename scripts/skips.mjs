// What could not be tried here, and why. Only what tests/allowed-skips.json lists may be left out.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './prepare.mjs'

/** Prints each `{ file, test, reason }` on a line; answers how many are not listed, which count as failed. */
export function tellSkips(skips, print = console.log) {
  const allowed = JSON.parse(readFileSync(join(root, 'tests/allowed-skips.json'), 'utf8'))
  const unlisted = skips.filter(({ file, test }) => !allowed.some(a => a.file === file && a.test === test))
  for (const skip of skips) print(`skipped ${skip.file} › ${skip.test}: ${skip.reason}${unlisted.includes(skip) ? ' (not listed in tests/allowed-skips.json)' : ''}`)
  return unlisted.length
}

/** The lines of `tellSkips` in what a command printed. */
export const toldSkips = text => text.split('\n').filter(line => /^skipped \S+ › /.test(line))
