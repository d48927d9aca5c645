import type { PluginDefinition } from './define.js'

/** The plugin among what a module exports, if it is one: the default export, also of compiled CommonJS, or one called `builtInPlugin`. */
export function pluginOf(module: Readonly<Record<string, unknown>>): unknown {
  return defaultOf({ default: module['default'] ?? module['builtInPlugin'] })
}

/** What a module exports as its default, also where it is compiled CommonJS, whose `exports` Node gives as that. */
export function defaultOf<T>({ default: exported }: { readonly default?: T }): T | undefined {
  const isCompiled = typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported
  return (isCompiled ? exported.default : exported) as T | undefined
}

const imported = new Map<string, PluginDefinition | undefined>()

/** The plugin of a module, by its URL. A host of stages asks for the same one again and again, and `import` of what is there takes 0.1 ms. */
export async function pluginAt(module: string): Promise<PluginDefinition | undefined> {
  if (!imported.has(module)) imported.set(module, pluginOf((await import(module)) as Record<string, unknown>) as PluginDefinition | undefined)
  return imported.get(module)
}
