import { resolve } from 'node:path'
import { realIo } from './artifacts/io.js'
import { layout } from './artifacts/layout.js'
import { placeProblem } from './artifacts/store-place.js'
import { refusal, type Result } from './diagnostics/result.js'
import { loadRegistry, type NamedPlugin } from './plugin/load.js'
import type { LoadedPlugin, Registry } from './plugin/registry.js'
import { storeRoot } from './prepare.js'
import { parsePipeline } from './source/parse.js'
import { readProjectFile } from './source/project-file.js'
import { readText } from './read-text.js'
import { findProjectRoot } from './source/project-root.js'

/** The plugins that a project's hone.yaml names, with the built-in ones. */
export async function openProject(projectRoot: string, builtIn: readonly LoadedPlugin[], isOwnCommand?: (name: string) => boolean): Promise<Result<Registry>> {
  const project = readProjectFile(projectRoot)
  return project.ok ? load(projectRoot, builtIn, project.value.plugins, isOwnCommand) : project
}

/**
 * The stages that pipelines of one project may name: the built-in ones, and those of the plugins that `files` name. What else is wrong in a file
 * does not matter: whoever asks is in the middle of writing it.
 */
export async function projectRegistry(builtIn: readonly LoadedPlugin[], files: readonly string[], projectRoot: string): Promise<Result<Registry>> {
  const plugins = new Map<string, NamedPlugin>()
  for (const name of files) {
    const file = resolve(name)
    const text = await readText(file, 'pipeline')
    if (!text.ok) return text
    const parsed = parsePipeline({ file, text: text.value, projectRoot: findProjectRoot(file), env: {} })
    const pipeline = parsed.ok ? parsed.value : parsed.partial
    if (!pipeline) return { ok: false, diagnostics: parsed.diagnostics }
    for (const plugin of pipeline.plugins) if (!plugins.has(plugin.value)) plugins.set(plugin.value, plugin)
  }
  return load(projectRoot, builtIn, [...plugins.values()])
}

/** What is made of them to load them is kept in the project's store. */
async function load(projectRoot: string, builtIn: readonly LoadedPlugin[], plugins: readonly NamedPlugin[], isOwnCommand?: (name: string) => boolean): Promise<Result<Registry>> {
  const root = storeRoot(projectRoot)
  const noPlace = plugins.length > 0 ? placeProblem(realIo, root) : undefined
  if (noPlace) return refusal('store', noPlace.message, noPlace.hint)
  return loadRegistry({ builtIn, plugins, projectRoot, cacheDir: layout(root).plugins, ...(isOwnCommand && { isOwnCommand }) })
}
