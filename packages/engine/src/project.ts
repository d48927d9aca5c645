import { join } from 'node:path'
import type { Json } from './artifacts/types.js'
import type { Result } from './diagnostics/result.js'
import { ParameterSchema } from './graph/parameters.js'
import { schemaProblems } from './graph/schema-errors.js'
import type { CommandDefinition } from './plugin/define.js'
import { loadRegistry } from './plugin/load.js'
import type { LoadedPlugin, Registry } from './plugin/registry.js'
import { storeRoot } from './prepare.js'
import { readProjectFile } from './source/project-file.js'

/** The plugins that a project's hone.yaml names, with the built-in ones. */
export async function openProject(projectRoot: string, builtIn: readonly LoadedPlugin[]): Promise<Result<Registry>> {
  const project = readProjectFile(projectRoot)
  if (!project.ok) return project
  return loadRegistry({ builtIn, plugins: project.value.plugins, projectRoot, cacheDir: join(storeRoot(projectRoot), 'plugins') })
}

/** What is wrong with the options of a command, for people. Sets defaults in them. */
export const commandProblems = (command: CommandDefinition, params: Json): readonly string[] => schemaProblems(ParameterSchema.of(command).errors(params)).map(({ message, hint }) => `${message}${hint ? `. ${hint}` : ''}`)
