// Loads a CommonJS bundle with what V8 made of it before: of the time until a short command begins, compiling was half. Nothing here may be
// needed for the bundle to load: whatever is wrong with what was kept, the bundle is compiled again.
import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import v8 from 'node:v8'
import vm from 'node:vm'
import { userCache } from './user-cache.js'

/** Processes that do different things compile different functions; what one of a new role compiled is added to what was kept. */
const mostRoles = 40
/** A role counts several times: a first run, one that finds all done and one of another kind of pipeline go different ways. */
const timesEach = 4
const headerBytes = 1024

interface Kept {
  readonly roles: readonly string[]
  readonly code: Buffer
}

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')

/** Node 22 keeps compiled code itself. */
const isOurs = (): boolean => !('enableCompileCache' in module) && !process.env['NODE_DISABLE_COMPILE_CACHE']

let ownRole: string | undefined
let ownFolder: string | undefined

/** Where what this process compiles is kept. Throws for a user without a home. */
export const compiledFolder = (): string => ownFolder ?? join(userCache(), 'compiled')

/** One file for each bundle and each V8 with its flags, which the tag stands for; a bundle that is built anew takes its own place. */
export function compiledFile(bundle: string): string | undefined {
  try {
    return join(compiledFolder(), `${sha256(`${bundle}\0${process.version}\0${process.arch}\0${v8.cachedDataVersionTag()}`).slice(0, 32)}.bin`)
  } catch {
    // A user without a home.
    return undefined
  }
}

/** Node's own way to make the folders above as well never returns below /proc. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || path === dirname(path)) throw error
    makeFolder(dirname(path))
    mkdirSync(path, { mode: 0o700 })
  }
}

/** Undefined where there is nothing, or nothing that was made of this source and is whole. */
export function readCompiled(file: string, sourceDigest: string): Kept | undefined {
  try {
    const bytes = readFileSync(file)
    const { source, digest, roles } = JSON.parse(bytes.toString('latin1', 0, headerBytes)) as { source: string; digest: string; roles: string[] }
    const code = bytes.subarray(headerBytes)
    // V8 itself believes what it is given: damaged code would end the process.
    return source === sourceDigest && sha256(code) === digest ? { roles, code } : undefined
  } catch {
    return undefined
  }
}

export function keepCompiled(file: string, sourceDigest: string, { roles, code }: Kept): void {
  const header = JSON.stringify({ source: sourceDigest, digest: sha256(code), roles })
  if (header.length > headerBytes) return
  const fresh = `${file}.${randomUUID()}`
  try {
    makeFolder(dirname(file))
    writeFileSync(fresh, Buffer.concat([Buffer.from(header.padEnd(headerBytes), 'latin1'), code]), { mode: 0o600 })
    renameSync(fresh, file)
  } catch {
    // A cache that cannot be written only costs the time; a full disk must not keep half of one.
    try {
      rmSync(fresh, { force: true })
    } catch {
      // Nor be a reason to fail.
    }
  }
}

/** `import()` for the bundle at `file`: what V8 took from compiled code cannot do it itself, before Node 22. */
export function importsOf(file: string): (specifier: string) => Promise<unknown> {
  const { resolve } = createRequire(file)
  return specifier => import(/^[a-z]{2,}:/.test(specifier) ? specifier : pathToFileURL(resolve(specifier)).href)
}

/** Says in a word what this process or thread is for, and so that what it compiles is to be kept. Without it `loadCompiled` is `require`. */
export function keepFor(role: string, folder?: string): void {
  ownRole = role.slice(0, 12)
  ownFolder = folder
}

/** Whether what this process makes of code and schemas is to be kept. */
export const keepsCompiled = (): boolean => ownRole !== undefined && !process.env['NODE_DISABLE_COMPILE_CACHE']

/** For a process or thread that this one starts, whose environment is a stage's: where it keeps what it compiles, if it is to. */
export function keptArguments(): string[] {
  try {
    return keepsCompiled() && isOurs() ? [compiledFolder()] : []
  } catch {
    return []
  }
}

const unkept: (() => void)[] = []

/** Keeps what was compiled so far; where nobody asks, that is done when the process ends, which one that is ended by a signal never does. */
export function keepNow(): void {
  for (const keep of unkept.splice(0)) keep()
}

/** As `require(bundle)`, for a bundle in ASCII. */
export function loadCompiled(bundle: string): unknown {
  const require = createRequire(bundle)
  const file = ownRole === undefined || require.cache[bundle] || !isOurs() ? undefined : compiledFile(bundle)
  if (ownRole === undefined || file === undefined) return require(bundle) as unknown
  const role = ownRole
  const source = readFileSync(bundle)
  const sourceDigest = sha256(source)
  const kept = readCompiled(file, sourceDigest)
  // On one line with its first, so that the lines of stack traces are those of the file.
  const script = new vm.Script(`(function (exports, require, module, __filename, __dirname) { ${source.toString('latin1')}\n})`, { filename: bundle, ...(kept && { cachedData: kept.code }) })
  const known = kept && !script.cachedDataRejected ? kept.roles : []
  if (known.length < mostRoles && known.filter(r => r === role).length < timesEach) {
    if (unkept.length === 0) process.once('exit', keepNow)
    unkept.push(() => keepCompiled(file, sourceDigest, { roles: [...known, role], code: script.createCachedData() }))
  }
  // So that whoever requires the bundle itself gets the same instance.
  const made = (require.cache[bundle] = new module.Module(bundle))
  made.filename = bundle
  ;(script.runInThisContext() as (...args: unknown[]) => void).call(made.exports, made.exports, require, made, bundle, dirname(bundle))
  made.loaded = true
  return made.exports
}

/** The same in a process or thread that was started with `keptArguments`, of which stages see nothing. */
export function loadStarted(role: string, bundle: string): unknown {
  const [folder] = process.argv.splice(2)
  if (folder !== undefined) keepFor(role, folder)
  return loadCompiled(bundle)
}
