import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isAtOrBelow } from '../artifacts/walk.js'

const fs = createRequire(import.meta.url)('node:fs') as Record<string, any> & { promises: Record<string, any> }

/** What is written by code that began within `watchWrites`, whatever it awaits. */
export interface Writes {
  /** Absolute paths outside the folders that were allowed, in order, each once. */
  readonly outside: ReadonlySet<string>
  /** Absolute paths anywhere that were written to after `ended` was set. */
  readonly late: ReadonlySet<string>
  ended: boolean
}

interface Watch extends Writes {
  readonly outside: Set<string>
  readonly late: Set<string>
  readonly allowed: readonly string[]
}

const watching = new AsyncLocalStorage<Watch>()

// Which of their arguments name what they write to.
const writers: Readonly<Record<string, readonly number[]>> = {
  writeFile: [0], appendFile: [0], mkdir: [0], mkdtemp: [0], rm: [0], rmdir: [0], unlink: [0], truncate: [0], chmod: [0], utimes: [0],
  copyFile: [1], cp: [1], link: [1], symlink: [1], rename: [0, 1],
}
const { O_WRONLY, O_RDWR, O_CREAT } = fs.constants as Record<string, number>
const opensToWrite = (flags: unknown) => (typeof flags === 'number' ? (flags & (O_WRONLY! | O_RDWR! | O_CREAT!)) !== 0 : typeof flags === 'string' && /[wa+]/.test(flags))

function note(target: unknown): void {
  const watch = watching.getStore()
  if (!watch) return
  const path = target instanceof URL ? fileURLToPath(target) : typeof target === 'string' ? resolve(target) : Buffer.isBuffer(target) ? resolve(target.toString()) : undefined
  // An open file was noted when it was opened.
  if (path === undefined || path.startsWith('/dev/')) return
  const isOutside = !watch.allowed.some(folder => isAtOrBelow(path, folder))
  if ((watch.ended || isOutside) && isOfLoader()) return
  if (watch.ended) watch.late.add(path)
  if (isOutside) watch.outside.add(path)
}

/** Whether a hook that loads modules is at work, as loaders of TypeScript keep what they made; from Node 22 on they run in the thread of whoever imports. */
export function isOfLoader(): boolean {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = Infinity
  const { stack } = new Error()
  Error.stackTraceLimit = stackTraceLimit
  return stack?.includes('(node:internal/modules/customization_hooks') ?? false
}

/** Functions of node:fs as they were, while some watch goes on. */
let replaced: (() => void)[] = []
let watches = 0

function replace(of: Record<string, any>, name: string, noted: (args: readonly unknown[]) => void): void {
  const original = of[name] as ((...args: unknown[]) => unknown) | undefined
  if (typeof original !== 'function') return
  of[name] = Object.assign(function (this: unknown, ...args: unknown[]) {
    noted(args)
    return original.apply(this, args)
  }, original)
  replaced.push(() => (of[name] = original))
}

function begin(): void {
  if (watches++ > 0) return
  for (const [name, places] of Object.entries(writers)) {
    const noted = (args: readonly unknown[]) => places.forEach(i => note(args[i]))
    replace(fs, name, noted)
    replace(fs, `${name}Sync`, noted)
    replace(fs.promises, name, noted)
  }
  const opened = ([path, flags]: readonly unknown[]) => opensToWrite(flags) && note(path)
  for (const name of ['open', 'openSync']) replace(fs, name, opened)
  replace(fs.promises, 'open', opened)
  replace(fs, 'createWriteStream', ([path]) => note(path))
  syncBuiltinESMExports()
}

function end(): void {
  if (--watches > 0) return
  for (const restore of replaced) restore()
  replaced = []
  syncBuiltinESMExports()
}

/**
 * Runs `body` and notes every path that JavaScript within it writes to by node:fs, also from what it leaves running until `body` is done. What
 * native code and child processes write is not seen here.
 */
export async function watchWrites<T>(allowed: readonly string[], body: (writes: Writes) => Promise<T>): Promise<T> {
  const watch: Watch = { outside: new Set(), late: new Set(), allowed, ended: false }
  begin()
  try {
    return await watching.run(watch, () => body(watch))
  } finally {
    end()
  }
}
