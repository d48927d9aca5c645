import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { findProjectRoot, parsePipeline, storeRoot, type PluginDefinition } from 'hone-engine'
import type { Candidate, Sources } from './candidates.js'

/** Nothing of the project is run: a pipeline is read as far as it can be, mistakes and all. */
export function projectSources(plugins: readonly PluginDefinition[]): Sources {
  const pipeline = (file: string) => {
    if (!existsSync(file)) return undefined
    const parsed = parsePipeline({ file: resolve(file), text: readFileSync(file, 'utf8'), projectRoot: findProjectRoot(file), env: process.env })
    return parsed.ok ? parsed.value : parsed.partial
  }
  return {
    stages: file => pipeline(file)?.stages.map(({ id, uses }): Candidate => ({ value: id, description: uses.value })) ?? [],
    params: file => Object.entries(pipeline(file)?.params ?? {}).map(([name, value]) => ({ value: `${name}=`, description: JSON.stringify(value) })),
    stageTypes: () => plugins.flatMap(p => p.stages ?? []).map(stage => ({ value: stage.id, description: stage.summary })),
    runs: () => {
      const folder = join(storeRoot(findProjectRoot(join(process.cwd(), 'pipeline.yaml'))), 'runs')
      return [{ value: 'last', description: 'the newest' }, ...(existsSync(folder) ? readdirSync(folder).sort().reverse().slice(0, 20).map(value => ({ value, description: '' })) : [])]
    },
  }
}
