import { statSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'

/** What was computed from files, with what told them apart from other states of theirs. */
interface Entry {
  readonly at: number
  readonly stats: Readonly<Record<string, string>>
  readonly value: unknown
}

let knownVersion: string | undefined
const esbuildVersion = () => (knownVersion ??= (createRequire(import.meta.url)('esbuild/package.json') as { version: string }).version)

// A file written within this time of the look at it may be written again without its times changing.
const racyMs = 50

/** Tells a state of a file from others by what `stat` says. */
export const signatureOf = (path: string): string => signature(path).text

function signature(path: string): { text: string; mtimeMs: number } {
  try {
    const s = statSync(path, { bigint: true })
    return { text: `${s.ino}:${s.size}:${s.mtimeNs}:${s.ctimeNs}`, mtimeMs: Number(s.ctimeMs > s.mtimeMs ? s.ctimeMs : s.mtimeMs) }
  } catch {
    return { text: 'absent', mtimeMs: 0 }
  }
}

/** What an install leaves above `file`: it changes when packages do. */
function* installMarks(file: string) {
  for (let dir = dirname(file); ; dir = dirname(dir)) {
    for (const mark of ['.modules.yaml', '.package-lock.json', '.yarn-integrity']) yield join(dir, 'node_modules', mark)
    if (dir === dirname(dir)) return
  }
}

/**
 * Remembers in `path` what `compute` made of files, for as long as their sizes and times are the same, so that a plan need not
 * start the bundler. A file that cannot be read or written only costs the time.
 */
export async function rememberByFiles<T>(
  path: string,
  source: string,
  fixed: string,
  compute: () => Promise<{ value: T; inputs: readonly string[] }>,
  stillGood: (value: T) => boolean = () => true,
): Promise<T> {
  const salt = `${fixed}\0${esbuildVersion()}\0${process.execArgv.includes('--conditions=hone-source')}`
  const known = await readFile(path, 'utf8').then(t => JSON.parse(t) as Entry & { salt: string }, () => undefined)
  if (known?.salt === salt) {
    const fresh = Object.entries(known.stats).every(([file, text]) => {
      const now = signature(file)
      return now.text === text && now.mtimeMs < known.at - racyMs
    })
    if (fresh && stillGood(known.value as T)) return known.value as T
  }
  const at = Date.now()
  const { value, inputs } = await compute()
  const stats = Object.fromEntries([...inputs, ...installMarks(source)].map(file => [file, signature(file).text]))
  try {
    await mkdir(dirname(path), { recursive: true })
    const fresh = `${path}.${randomUUID()}`
    await writeFile(fresh, JSON.stringify({ salt, at, stats, value }))
    await rename(fresh, path)
  } catch {
    // A read-only cache is no reason to stop: the next plan computes it again.
  }
  return value
}
