import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { BuildFailure } from 'esbuild'
import { asStoreError, StoreError } from '../artifacts/store-error.js'
import { Collector } from '../diagnostics/collector.js'
import type { Code } from '../diagnostics/codes.js'
import type { Diagnostic, SourceRange } from '../diagnostics/diagnostic.js'
import { bundleForm, bundlePlugin, isWhole, type PluginBundle } from './bundle.js'
import { lookBeside } from './compiled-schema.js'
import { digestCode, digestRules, runEntry } from './code-digest.js'
import { isMember, type PluginDefinition, type StageDefinition } from './define.js'
import { pluginOf } from './exported.js'
import { misfit } from './made-for.js'
import { areUnchanged, rememberByFiles, Stamps, type Made } from './remember-by-files.js'
import { makeRegistry, type LoadedRegistry } from './make-registry.js'
import type { LoadedPlugin, RegisteredMember, RegisteredStage } from './registry.js'
import { readPackageJson } from './package-json.js'
import { packageOf, runsFromSource, type BuiltInModules } from './resolve.js'
import { placeInFile, placeInStack } from './source-place.js'

/** A plugin as the pipeline names it, and where. */
export interface NamedPlugin {
  readonly value: string
  readonly range: SourceRange
}

export interface RegistryOptions {
  readonly builtIn: readonly LoadedPlugin[]
  /** As the YAML names them: a path that begins with `.` or `/`, or a package. */
  readonly plugins: readonly NamedPlugin[]
  readonly projectRoot: string
  /** Where bundles are kept; `.hone/plugins` of the project unless told. */
  readonly cacheDir?: string
  /** How long a plugin may take to load; 30 seconds unless told. */
  readonly loadTimeoutMs?: number
  /** Names that hone's own commands have; no plugin may bring one of them. */
  readonly isOwnCommand?: (name: string) => boolean
}

/** A plugin that is passed to the engine by code: `module` is the file URL of the module that exports it, for the child processes. */
export const builtInPlugin = (definition: PluginDefinition, module: string): LoadedPlugin => ({
  definition,
  name: definition.name,
  version: definition.version ?? '0',
  module,
  builtIn: true,
})

/** Loads the plugins of one pipeline. Every mistake of a plugin is a diagnostic at the line of the YAML that names it. */
export async function loadRegistry(options: RegistryOptions): Promise<LoadedRegistry> {
  const loader = new Loader(options)
  const problems = new Collector()
  for (const other of await Promise.all(options.builtIn.map(plugin => loader.misfitOf(plugin)))) {
    if (other !== undefined) problems.error('plugin-api', undefined, other, { hint: 'Install hone-cli anew, so that its packages are of one version.' })
  }
  const stages: RegisteredStage[] = options.builtIn.flatMap(p => loader.registerBuiltIn(p))
  const members: RegisteredMember[] = []
  const plugins: LoadedPlugin[] = [...options.builtIn]
  const ranges = new Map<string, SourceRange>()
  const loaded = await Promise.all(options.plugins.map(async named => ({ named, outcome: await loader.load(named) })))
  for (const { named, outcome } of loaded) {
    if ('problems' in outcome) {
      problems.addAll(outcome.problems)
      continue
    }
    const { source } = outcome.plugin
    const before = loaded.find(({ outcome: other }) => 'plugin' in other && other.plugin.source === source)!.named
    if (before !== named) {
      problems.error('plugin-conflict', named.range, `"${named.value}" names the same plugin as "${before.value}" in line ${before.range.line}`, { hint: 'Leave one of them out.' })
      continue
    }
    plugins.push(outcome.plugin)
    stages.push(...outcome.stages)
    members.push(...outcome.members)
    ranges.set(outcome.plugin.name, named.range)
  }
  return makeRegistry(plugins, stages, members, ranges, problems, options.isOwnCommand)
}

/** `why` where there is no digest. */
interface Digested {
  readonly digest: string | undefined
  readonly why?: string
}

type Outcome = { readonly plugin: LoadedPlugin; readonly stages: readonly RegisteredStage[]; readonly members: readonly RegisteredMember[] } | { readonly problems: readonly Diagnostic[] }

interface Found {
  readonly file: string
  readonly label: string
  readonly version?: string
  /** Of a package: where its package.json is. */
  readonly folder?: string
}

class Loader {
  readonly #options: RegistryOptions
  readonly #cacheDir: string
  readonly #builtIn: BuiltInModules
  readonly #stamps = new Stamps()

  constructor(options: RegistryOptions) {
    this.#options = options
    this.#cacheDir = options.cacheDir ?? join(options.projectRoot, '.hone', 'plugins')
    this.#builtIn = { plugins: Object.fromEntries(options.builtIn.map(p => [p.name, p.module])) }
  }

  async load({ value, range }: NamedPlugin): Promise<Outcome> {
    const error = (code: Code, message: string, more: Partial<Diagnostic> = {}): Outcome => ({ problems: [{ code, severity: 'error', message, range, ...more }] })
    const found = findPlugin(value, this.#options.projectRoot)
    if ('problem' in found) return error('plugin-not-found', found.problem, { hint: found.hint })
    const other = found.folder === undefined ? undefined : await misfit(found.folder, this.#builtIn)
    if (other !== undefined) return error('plugin-api', other, { hint: `Install a version of ${value} for this engine, or the engine that it is for.` })
    let bundle
    try {
      bundle = (await this.#bundle(found.file)).value
    } catch (e) {
      const errors = (e as Partial<BuildFailure>).errors
      const ofStore = asStoreError(e, `prepare ${found.label}`)
      if (ofStore instanceof StoreError) return error('store', ofStore.message, { hint: ofStore.hint })
      if (!errors) return error('plugin-load', `${found.label} cannot be prepared: ${(e as Error).message}`)
      return {
        problems: errors.map(({ text, location }) => {
          const place = location && placeInFile(resolve(dirname(found.file), location.file), location.line, location.column + 1, location.length || 1)
          const where = place ? `${this.#display(place.file)}:${place.line}:${place.column}` : found.label
          return { code: 'plugin-syntax', severity: 'error', message: `${where} ${text}`, range, ...(place && { related: [{ message: text, range: place }] }) } satisfies Diagnostic
        }),
      }
    }
    let module: Record<string, unknown>
    try {
      module = await importPlugin(pathToFileURL(bundle.entry).href, this.#options.loadTimeoutMs)
    } catch (first) {
      // Reading source maps costs every module that is loaded, so it is loaded a second time only to say where it threw.
      process.setSourceMapsEnabled(true)
      const e = first instanceof LoadTimeout ? first : await importPlugin(`${pathToFileURL(bundle.entry).href}?mapped`).then(() => first, (again: unknown) => again)
      const thrown = e instanceof Error ? e : new Error(`throws ${String(e)} while it is loaded`)
      const sources = new Set(bundle.inputs)
      const missing = missingExport(thrown, bundle.inputs)
      const place = missing?.range ?? placeInStack(thrown.stack, file => sources.has(file))
      const where = place ? `${this.#display(place.file)}:${place.line}:${place.column}` : found.label
      return error('plugin-load', `${where} ${missing?.message ?? thrown.message}`, place ? { related: [{ message: `thrown here while ${found.label} was loaded`, range: place }] } : {})
    }
    // The folder's name is the digest of what is in it: once found sound, always sound.
    const sound = `${bundle.entry}.sound-${checks}`
    if (!existsSync(sound)) {
      const { checkPlugin } = await import('./check-plugin.js')
      const wrong = checkPlugin(pluginOf(module), found.label)
      if (wrong.length > 0) return { problems: wrong.map(p => ({ severity: 'error', range, ...p })) }
      await writeFile(sound, '').catch(() => {})
    }
    const definition = pluginOf(module) as PluginDefinition
    const plugin: LoadedPlugin = {
      definition,
      name: definition.name,
      version: found.version ?? definition.version ?? '0',
      module: pathToFileURL(bundle.entry).href,
      builtIn: false,
      source: found.file,
    }
    return {
      plugin,
      stages: (definition.stages ?? []).map(stage => ({ definition: stage, plugin, ...lazyDigest(() => this.#digest(found.file, runEntry(stage.run, bundle.dynamicEntries), true)) })),
      members: (definition.provides ?? []).filter(isMember).map(provider => ({ provider, plugin, ...lazyDigest(() => this.#digest(found.file, runEntry(provider.load, bundle.dynamicEntries), true)) })),
    }
  }

  async misfitOf({ module }: LoadedPlugin): Promise<string | undefined> {
    const own = module.startsWith('file:') ? packageOf(fileURLToPath(module)) : undefined
    return own && misfit(own.dir, this.#builtIn)
  }

  /** Digests of built-in stages come from the build, `digests.json` beside the module; from sources they are computed when asked for. */
  registerBuiltIn(plugin: LoadedPlugin): RegisteredStage[] {
    const stages = plugin.definition.stages ?? []
    const isUrl = plugin.module.startsWith('file:')
    const isBuilt = isUrl && !plugin.module.endsWith('.ts')
    const table = isBuilt ? readDigests(plugin.module) : undefined
    if (isBuilt) for (const stage of stages) lookBeside(stage, plugin.module)
    const compute = async (stage: StageDefinition) => {
      if (!isUrl) return { digest: undefined, why: 'it is not a file' }
      const file = fileURLToPath(plugin.module)
      const { value: bundle } = await this.#bundle(file)
      const own = pluginStage(await importPlugin(pathToFileURL(bundle.entry).href), stage.id)
      return this.#digest(file, own && runEntry(own.run, bundle.dynamicEntries), false)
    }
    return stages.map(stage => ({ definition: stage, plugin, ...lazyDigest(async () => (table?.[stage.id] !== undefined ? { digest: table[stage.id] } : compute(stage))) }))
  }

  readonly #bundles = new Map<string, Promise<Made<PluginBundle>>>()

  #bundle(file: string): Promise<Made<PluginBundle>> {
    let bundle = this.#bundles.get(file)
    if (!bundle) {
      bundle = rememberByFiles({
        path: this.#memoPath('bundle', file),
        salt: `${bundleForm} ${JSON.stringify(this.#builtIn)}`,
        stamps: this.#stamps,
        compute: async () => {
          const made = await bundlePlugin(file, this.#cacheDir, this.#builtIn)
          return { value: made, inputs: made.inputs }
        },
        isGood: isWhole,
      })
      this.#bundles.set(file, bundle)
    }
    return bundle
  }

  async #digest(pluginFile: string, entry: string | undefined, strict: boolean): Promise<Digested> {
    const file = entry ?? pluginFile
    const { value: { digest, why }, isNew } = await rememberByFiles({
      path: this.#memoPath('digest', `${file}\0${strict}`),
      salt: `${digestRules} ${JSON.stringify(this.#builtIn)}`,
      stamps: this.#stamps,
      compute: async () => {
        const made = await digestCode(file, this.#builtIn, strict)
        return { value: { digest: made.digest ?? null, ...(made.why !== undefined && { why: made.why }) }, inputs: made.inputs }
      },
    })
    // What runs is the bundle: the digest must be of the same text. What is remembered of both was held against one look at the files.
    const bundle = await this.#bundle(pluginFile)
    if ((isNew || bundle.isNew) && !areUnchanged(bundle.stamps)) return { digest: undefined, why: 'its files were written to while it was loaded' }
    return { digest: digest ?? undefined, ...(why !== undefined && { why }) }
  }

  #memoPath(kind: string, what: string) {
    return join(this.#cacheDir, 'known', `${kind}-${createHash('sha256').update(what).digest('hex').slice(0, 24)}.json`)
  }

  #display(file: string) {
    const path = relative(this.#options.projectRoot, file)
    return path.startsWith('..') ? file : path
  }
}

/** A digest that is computed when it is first asked for, and why there is none. */
function lazyDigest(digest: () => Promise<Digested>): Pick<RegisteredStage, 'codeDigest' | 'codeFault'> {
  let known: Promise<string | undefined> | undefined
  let fault: string | undefined
  const compute = async () => {
    try {
      const digested = await digest()
      fault = digested.why
      return digested.digest
    } catch (error) {
      // Its source does not compile, or was removed meanwhile: the stage can be planned all the same, and says so itself when it runs.
      const [first] = (error as Partial<BuildFailure>).errors ?? []
      const place = first?.location ? `${first.location.file}:${first.location.line}:${first.location.column + 1} ` : ''
      fault = first ? `${place}${first.text}` : (error as Error).message
      return undefined
    }
  }
  return { codeDigest: () => (known ??= compute()), codeFault: () => fault }
}

const pluginStage = (module: Record<string, unknown>, id: string) => (pluginOf(module) as PluginDefinition | undefined)?.stages?.find(s => s.id === id)

function readDigests(module: string): Record<string, string> | undefined {
  try {
    return JSON.parse(readFileSync(new URL('./digests.json', module), 'utf8')) as Record<string, string>
  } catch {
    return undefined
  }
}

/** Raised when more is asked of a plugin than was before: what was found sound then is looked at again. */
const checks = 2

/** Where an import stands of a name that is not there, of which Node says no more than the name. */
function missingExport({ message }: Error, sources: readonly string[]): { readonly message: string; readonly range: SourceRange } | undefined {
  const name = /does not provide an export named '([^']+)'|^Named export '([^']+)' not found/.exec(message)?.slice(1).find(n => n !== undefined)
  if (name === undefined) return undefined
  const importing = new RegExp(`\\b(?:im|ex)port\\b[^;'"]*?[{,]\\s*(${name.replaceAll('$', '\\$')})\\b[^;'"]*\\bfrom\\s*['"]([^'"]+)`, 'd')
  for (const file of sources) {
    if (file.includes(`${sep}node_modules${sep}`) || !existsSync(file)) continue
    const text = readFileSync(file, 'utf8')
    const match = importing.exec(text)
    const [at] = match?.indices?.[1] ?? []
    if (!match || at === undefined) continue
    const before = text.slice(0, at).split('\n')
    return { message: `"${match[2]}" has no export "${name}"`, range: placeInFile(file, before.length, before.at(-1)!.length + 1, name.length) }
  }
  return undefined
}

class LoadTimeout extends Error {}

let importing: Promise<unknown> = Promise.resolve()

/** Imports a plugin's module, one at a time: `process.exit` is guarded meanwhile. */
function importPlugin(url: string, timeoutMs = 30_000): Promise<Record<string, unknown>> {
  const mine = importing.then(() => importGuarded(url, timeoutMs))
  importing = mine.catch(() => {})
  return mine
}

/** A plugin that ends the process, never returns or has a promise fail that nobody awaits while it loads is an error like one that throws. */
async function importGuarded(url: string, timeoutMs: number): Promise<Record<string, unknown>> {
  const exit = process.exit
  const { promise: refused, reject } = withReject()
  const timer = setTimeout(() => reject(new LoadTimeout(`is not loaded after ${timeoutMs / 1000} seconds: a top-level await waits for ever`)), timeoutMs)
  process.exit = (code => {
    const error = new Error(`calls process.exit(${code ?? ''}) while it is loaded`)
    reject(error)
    throw error
  }) as typeof process.exit
  process.on('unhandledRejection', reject)
  try {
    const module = (await Promise.race([refused, import(url)])) as Record<string, unknown>
    // A rejection that nobody handled shows after the microtasks.
    await Promise.race([refused, nextTurn()])
    return module
  } finally {
    clearTimeout(timer)
    process.off('unhandledRejection', reject)
    process.exit = exit
  }
}

function withReject(): { promise: Promise<never>; reject: (reason: unknown) => void } {
  let reject!: (reason: unknown) => void
  const promise = new Promise<never>((_, refuse) => (reject = refuse))
  promise.catch(() => {})
  return { promise, reject }
}

/** Where the plugin lies, or what is wrong. */
function findPlugin(name: string, projectRoot: string): Found | { readonly problem: string; readonly hint: string } {
  if (/^\.{0,2}\//.test(name) || isAbsolute(name)) {
    const hint = 'Paths of plugins resolve against the project root; a local file begins with "./" and ends with .ts or .js.'
    const file = resolve(projectRoot, name)
    if (!existsSync(file)) return { problem: `there is no plugin file ${name}`, hint }
    if (!statSync(file).isFile() || !/\.[cm]?[jt]s$/.test(file)) return { problem: `${name} is no .ts or .js file`, hint }
    return { file: realpathSync(file), label: name.replace(/^\.\//, '') }
  }
  for (let dir = projectRoot; ; dir = dirname(dir)) {
    const folder = join(dir, 'node_modules', name)
    if (existsSync(join(folder, 'package.json'))) {
      let manifest: { version?: string; exports?: unknown; module?: unknown; main?: unknown }
      try {
        manifest = readPackageJson(folder)
      } catch (e) {
        return { problem: `the package ${name} cannot be read: ${(e as Error).message}`, hint: `Mend that file, or install the package anew (npm install ${name}).` }
      }
      const entry = exported(manifest.exports) ?? [manifest.module, manifest.main].find(path => typeof path === 'string') ?? 'index.js'
      // Node takes `main` without its extension too, and for a folder.
      const file = [entry, `${entry}.js`, join(entry, 'index.js')].map(path => join(folder, path)).find(path => existsSync(path) && statSync(path).isFile())
      if (file === undefined) {
        return { problem: `the package ${name} has no file ${entry}, which its package.json names`, hint: 'It was packed without it, perhaps before it was built: ask its maker, or install another version.' }
      }
      return { file: realpathSync(file), label: name, folder, ...(manifest.version && { version: manifest.version }) }
    }
    if (dir === dirname(dir)) return { problem: `the package ${name} is not installed`, hint: `Install it in the project (npm install ${name}), or write "./…" for a local file.` }
  }
}

/** The file that a package's `exports` gives for `import '<package>'`. */
function exported(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports
  if (Array.isArray(exports)) return exports.map(exported).find(e => e !== undefined)
  if (typeof exports !== 'object' || exports === null) return undefined
  const conditions = exports as Record<string, unknown>
  if ('.' in conditions) return exported(conditions['.'])
  const wanted = ['node', 'import', 'module-sync', 'default', ...(runsFromSource ? ['hone-source'] : [])]
  for (const [condition, target] of Object.entries(conditions)) {
    if (!wanted.includes(condition)) continue
    const found = exported(target)
    if (found) return found
  }
  return undefined
}
