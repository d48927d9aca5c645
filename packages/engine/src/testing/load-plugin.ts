import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PluginDefinition } from '../plugin/define.js'
import { loadRegistry } from '../plugin/load.js'

/**
 * A plugin's file as hone loads it, TypeScript too, so that a test needs no compiler. Throws an Error with all that is wrong with it. What it
 * imports of hone must be found from its folder.
 */
export async function loadPlugin(file: URL | string): Promise<PluginDefinition> {
  const path = file instanceof URL ? fileURLToPath(file) : file
  const cacheDir = mkdtempSync(join(tmpdir(), 'hone-plugin-'))
  process.on('exit', () => rmSync(cacheDir, { recursive: true, force: true }))
  const range = { file: path, offset: 0, length: 0, line: 1, column: 1 }
  const registry = await loadRegistry({ builtIn: [], plugins: [{ value: path, range }], projectRoot: dirname(path), cacheDir })
  if (!registry.ok) throw new Error(registry.diagnostics.map(d => `${d.message}${d.hint ? `\n  hint: ${d.hint}` : ''}`).join('\n'))
  return registry.value.plugins[0]!.definition
}
