import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../artifacts/digest.js'
import type { Digest } from '../artifacts/types.js'

/** Path below `root`, with `/`, → SHA-256 of each file; of a lone file one entry with the path ''. Nothing where there is nothing. */
export function digestsBelow(root: string): Readonly<Record<string, Digest>> {
  const found: Record<string, Digest> = {}
  const visit = (path: string, name: string) => {
    const stat = lstatSync(path)
    if (stat.isDirectory()) for (const entry of readdirSync(path).sort()) visit(join(path, entry), name === '' ? entry : `${name}/${entry}`)
    else found[name] = sha256(stat.isSymbolicLink() ? readlinkSync(path) : readFileSync(path))
  }
  if (existsSync(root)) visit(root, '')
  return found
}

/** The names that are only on one side, or differ. */
export function namesThatDiffer(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(name => before[name] !== after[name]).sort()
}

/** The first line in which two files differ, for people; undefined where one is no text. */
export function firstDifference(a: string, b: string): string | undefined {
  if (!existsSync(a) || !existsSync(b)) return 'it is there only once'
  const [left, right] = [a, b].map(path => readFileSync(path))
  if (left!.includes(0) || right!.includes(0)) return undefined
  const [one, two] = [left!, right!].map(data => data.toString('utf8').split('\n'))
  const at = one!.findIndex((line, i) => line !== two![i])
  const line = at < 0 ? one!.length : at
  return `line ${line + 1} is ${short(one![line])}, then ${short(two![line])}`
}

const short = (line: string | undefined) => (line === undefined ? 'not there' : line.length <= 120 ? line : `${line.slice(0, 119)}…`)
