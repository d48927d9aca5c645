import { readFileSync, statSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { randomUUID } from 'node:crypto'
import { basename, dirname, extname, join, resolve, sep } from 'node:path'
import { raceMs, stampOf } from '../artifacts/stat-index.js'
import { inNodeModules } from './resolve.js'

/** What was computed from files, with what told them apart from other states of theirs. */
interface Entry {
  readonly salt: string
  readonly at: number
  readonly stamps: Readonly<Record<string, string>>
  readonly value: unknown
}

interface Stamp {
  readonly text: string
  readonly changedAtMs: number
  /** From when on a further change must bear another time. */
  readonly settledAtMs: number
}

const absent: Stamp = { text: 'absent', changedAtMs: 0, settledAtMs: 0 }

function stampNow(path: string): Stamp {
  try {
    const stat = statSync(path, { bigint: true })
    const changed = stat.ctimeNs > stat.mtimeNs ? stat.ctimeNs : stat.mtimeNs
    const changedAtMs = Number(changed) / 1e6
    return { text: stampOf(stat), changedAtMs, settledAtMs: changedAtMs + raceMs(changed) }
  } catch {
    return absent
  }
}

/** The stamps of files, each looked at once. */
export class Stamps {
  readonly #known = new Map<string, Stamp>()

  of(path: string): Stamp {
    let stamp = this.#known.get(path)
    if (!stamp) this.#known.set(path, (stamp = stampNow(path)))
    return stamp
  }
}

/** Whether files still are what they were when `stampsOf` told their stamps. */
export const areUnchanged = (stamps: Readonly<Record<string, string>>): boolean => Object.entries(stamps).every(([file, text]) => stampNow(file).text === text)
export const stampsOf = (files: readonly string[]): Record<string, string> => Object.fromEntries(files.map(file => [file, stampNow(file).text]))

let knownVersion: string | undefined
const esbuildVersion = () => (knownVersion ??= (createRequire(import.meta.url)('esbuild/package.json') as { version: string }).version)

export interface Remembering<T> {
  /** Where. A file that cannot be read or written only costs the time. */
  readonly path: string
  /** What else the value is made of. */
  readonly salt: string
  readonly stamps: Stamps
  readonly compute: () => Promise<{ value: T; inputs: readonly string[] }>
  readonly isGood?: (value: T) => boolean
}

/** What was made of files, and the stamps that they had when they were read for it. */
export interface Made<T> {
  readonly value: T
  /** Made now, and not remembered. */
  readonly isNew: boolean
  readonly stamps: Readonly<Record<string, string>>
}

/** Remembers what `compute` made of files with esbuild, for as long as their sizes and times are the same, so that a plan need not start it. */
export async function rememberByFiles<T>({ path, salt: own, stamps, compute, isGood = () => true }: Remembering<T>): Promise<Made<T>> {
  const salt = [own, esbuildVersion(), process.execArgv.includes('--conditions=hone-source'), process.env['NODE_PATH'] ?? ''].join('\0')
  const known = await recall(path)
  if (known?.salt === salt && Object.entries(known.stamps).every(([file, text]) => isStill(stamps.of(file), text, known.at)) && isGood(known.value as T)) return { value: known.value as T, isNew: false, stamps: known.stamps }
  const entry: Entry = { salt, ...(await computed(compute)) }
  try {
    await mkdir(dirname(path), { recursive: true })
    const fresh = `${path}.${randomUUID()}`
    await writeFile(fresh, JSON.stringify(entry))
    await rename(fresh, path)
  } catch {
    // A read-only cache is no reason to stop: the next plan computes it again.
  }
  return { value: entry.value as T, isNew: true, stamps: entry.stamps }
}

/** Once more where a file was written meanwhile, perhaps after it was read. */
async function computed<T>(compute: Remembering<T>['compute']): Promise<Omit<Entry, 'salt'>> {
  for (let tries = 0; ; tries++) {
    const at = Date.now()
    const { value, inputs } = await compute()
    const files = [...new Set([...inputs, ...whatElseCounts(inputs)])].map(file => [file, stampNow(file)] as const)
    if (tries === 2 || files.every(([, { changedAtMs }]) => changedAtMs < at - tickMs)) return { at, stamps: Object.fromEntries(files.map(([file, { text }]) => [file, text])), value }
  }
}

/** By so much the clock of files lags behind ours. */
const tickMs = 5

/** Changed so shortly before it was read that a later change could bear the same time, it is not trusted. */
const isStill = ({ text, settledAtMs }: Stamp, before: string, readAtMs: number): boolean => text === before && settledAtMs < readAtMs

/** Undefined where there is none, or a torn one. */
async function recall(path: string): Promise<Entry | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Entry
  } catch {
    return undefined
  }
}

const scripts = ['.tsx', '.ts', '.jsx', '.js', '.mts', '.cts', '.mjs', '.cjs', '.json']
/** By these a bundler decides what an import means: of a project, and what an install leaves. */
const settings = ['package.json', ...['.modules.yaml', '.package-lock.json', '.yarn-integrity'].map(mark => join('node_modules', mark))]

/** Files that esbuild reads, or would if they were there, and does not tell of: what would be found in place of an input, and the settings of the folders above. */
function whatElseCounts(inputs: readonly string[]): Set<string> {
  const files = new Set<string>()
  const folders = new Set<string>()
  for (const input of inputs) {
    const isInstalled = inNodeModules(input)
    const name = input.slice(0, input.length - extname(input).length)
    if (!isInstalled) for (const stem of [name, ...(basename(name) === 'index' ? [dirname(input)] : [])]) for (const extension of scripts) files.add(stem + extension)
    for (let dir = isInstalled ? input.slice(0, input.indexOf(`${sep}node_modules${sep}`)) : dirname(input); !folders.has(dir); dir = dirname(dir)) folders.add(dir)
  }
  const bases = new Set([...folders].flatMap(dir => [join(dir, 'tsconfig.json'), join(dir, 'jsconfig.json')]))
  // Those of its bases come behind it.
  for (const file of bases) for (const base of basesOf(file)) bases.add(base)
  for (const dir of folders) for (const name of settings) files.add(join(dir, name))
  for (const file of bases) files.add(file)
  return files
}

/** The settings that a tsconfig.json `extends`. It is JSON with comments: what a comment names is taken for one too. */
function basesOf(file: string): string[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return []
  }
  const named = /"extends"\s*:\s*(\[[^\]]*\]|"[^"]*")/.exec(text)?.[1] ?? ''
  return [...named.matchAll(/"([^"]+)"/g)].flatMap(([, base = '']) => {
    if (/^\.{0,2}\//.test(base)) return [resolve(dirname(file), base.endsWith('.json') ? base : `${base}.json`)]
    for (const name of [base, `${base}.json`, join(base, 'tsconfig.json')]) {
      try {
        return [createRequire(file).resolve(name)]
      } catch {
        // esbuild warns of one that is not there.
      }
    }
    return []
  })
}
