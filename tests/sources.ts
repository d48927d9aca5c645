import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '')

/** Paths of files below a folder of the project, relative to its root, with `/`; what is installed, built or hidden is left out. */
export function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    if (entry.name === 'node_modules' || entry.name === 'dist' || entry.name === 'out' || entry.name.startsWith('.')) return []
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}

export const text = (path: string): string => readFileSync(join(root, path), 'utf8')

/** What a module imports, also for its types and, unless told otherwise, lazily: packages by name, own files as paths relative to the root. */
export function importsOf(path: string, { lazily = true } = {}): string[] {
  // Whole lines only, so that code within a string of a test or a template is none.
  const found = [...text(path).matchAll(/^(?:import|export)\b[^'"`\n]*?(?:\n[^'"`]*?)?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm)]
  const names = found.flatMap(([, from, whole, lazy]) => from ?? whole ?? (lazily ? lazy! : []))
  return names.map(name => (name.startsWith('.') ? relative(root, resolve(root, dirname(path), name)).replaceAll('\\', '/') : name))
}
