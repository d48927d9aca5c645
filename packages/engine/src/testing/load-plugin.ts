import { cpSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { PluginDefinition, StageDefinition } from '../plugin/define.js'
import { pluginOf } from '../plugin/exported.js'
import { loadRegistry } from '../plugin/load.js'
import { temporaryFolder } from './temporary-folder.js'

/** A plugin as a test has it: with a list of stages, which may be empty. */
export type TestedPlugin = PluginDefinition & { readonly stages: readonly StageDefinition<any>[] }

const copies = new WeakMap<StageDefinition, () => Promise<StageDefinition>>()

/** The same stage with modules of its own, in which nothing has run; undefined where it was not loaded here. */
export const loadedAnew = (stage: StageDefinition): Promise<StageDefinition> | undefined => copies.get(stage)?.()

/**
 * A plugin's file as hone loads it, TypeScript too, so that a test needs no compiler. Throws an Error with all that is wrong with it. What it
 * imports of hone must be found from its folder.
 */
export async function loadPlugin(file: URL | string): Promise<TestedPlugin> {
  const name = file instanceof URL || file.startsWith('file:') ? fileURLToPath(file) : file
  if (!isPath(name) && /\.[cm]?[jt]s$/.test(name)) {
    throw new TypeError(`loadPlugin is given "${name}", which would be a package: a path begins with "./" and resolves against ${process.cwd()}; new URL("./…", import.meta.url) resolves against the file of the test`)
  }
  const path = isPath(name) ? resolve(name) : name
  const cacheDir = temporaryFolder('hone-plugin-')
  const range = { file: path, offset: 0, length: 0, line: 1, column: 1 }
  const registry = await loadRegistry({ builtIn: [], plugins: [{ value: path, range }], projectRoot: isPath(name) ? dirname(path) : process.cwd(), cacheDir })
  if (!registry.ok) throw new Error(registry.diagnostics.map(d => `${d.message}${d.hint ? `\n  hint: ${d.hint}` : ''}`).join('\n'))
  const { definition, module } = registry.value.plugins[0]!
  const stages = definition.stages ?? []
  for (const stage of stages) copies.set(stage, () => loadCopy(fileURLToPath(module), stage.id, cacheDir))
  return { ...definition, stages }
}

const isPath = (name: string) => isAbsolute(name) || /^\.{1,2}\//.test(name)

let copied = 0

/** Node imports the modules of another folder anew. */
async function loadCopy(entry: string, id: string, cacheDir: string): Promise<StageDefinition> {
  // As deep as the bundle, as its source maps are relative.
  const folder = join(cacheDir, `copy-${++copied}`)
  cpSync(dirname(entry), folder, { recursive: true })
  const plugin = pluginOf((await import(pathToFileURL(join(folder, basename(entry))).href)) as Record<string, unknown>) as PluginDefinition
  return plugin.stages!.find(stage => stage.id === id)!
}
