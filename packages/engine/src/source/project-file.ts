import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Collector } from '../diagnostics/collector.js'
import type { Result } from '../diagnostics/result.js'
import { readYaml } from './document.js'
import type { Located } from './pipeline.js'
import { Shape } from './shape.js'

/** What hone.yaml at the root of a project says; a project need not have one. */
export interface ProjectFile {
  /** Whose commands `hone` has in this project. The stages of a pipeline come from the plugins that it names itself. */
  readonly plugins: readonly Located<string>[]
}

export function readProjectFile(projectRoot: string): Result<ProjectFile> {
  const file = join(projectRoot, 'hone.yaml')
  const collector = new Collector()
  if (!existsSync(file)) return { ok: true, value: { plugins: [] }, diagnostics: [] }
  const document = readYaml(file, readFileSync(file, 'utf8'), collector)
  if (!document) return { ok: false, diagnostics: collector.diagnostics }
  const shape = new Shape(document, collector)
  const top = shape.map(document.value, [], 'a map with `plugins:`')
  for (const key of Object.keys(top)) if (key !== 'plugins') shape.error('unknown-key', [key], `"${key}" is not a key of hone.yaml.`, 'It has `plugins:` alone; a pipeline is a file of its own.', 'key')
  const plugins = shape.list(top.plugins, ['plugins']).flatMap((plugin, i): Located<string>[] => {
    const value = shape.string(plugin, ['plugins', i])
    return value === undefined ? [] : [{ value, range: document.rangeOf(['plugins', i]) }]
  })
  return collector.result(() => ({ plugins }))
}
