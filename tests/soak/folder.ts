// What lies at a path, to be compared.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { boxText } from './truth.js'

/** A file as its text, a folder as that of a box. A link in a folder counts as no file. */
export function contentOf(path: string): string {
  if (!statSync(path).isDirectory()) return readFileSync(path, 'utf8')
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  return boxText(Object.fromEntries(files.map(file => [relative(path, file), readFileSync(file, 'utf8')])))
}
