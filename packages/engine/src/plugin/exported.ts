import type { PluginDefinition } from './define.js'

/** The plugin among what a module exports, if it is one: the default export, also of compiled CommonJS, or one called `builtInPlugin`. */
export function pluginOf(module: Readonly<Record<string, unknown>>): unknown {
  const exported = module['default'] ?? module['builtInPlugin']
  const isCompiled = typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported
  return isCompiled ? exported.default : exported
}

export const pluginAt = async (module: string): Promise<PluginDefinition | undefined> => pluginOf((await import(module)) as Record<string, unknown>) as PluginDefinition | undefined
