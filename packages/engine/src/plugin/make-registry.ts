import type { Collector } from '../diagnostics/collector.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'
import type { Result } from '../diagnostics/result.js'
import type { KindDefinition } from './define.js'
import type { LoadedPlugin, RegisteredStage, Registry } from './registry.js'

/** Puts loaded plugins together; two that define one stage, or two different kinds of one id, are an error at the later one. */
export function makeRegistry(
  plugins: readonly LoadedPlugin[],
  stages: readonly RegisteredStage[],
  ranges: ReadonlyMap<string, SourceRange>,
  problems: Collector,
): Result<Registry> {
  const byId = new Map<string, RegisteredStage>()
  for (const stage of stages) {
    const first = byId.get(stage.definition.id)
    if (first) {
      const range = ranges.get(stage.plugin.name)
      problems.error('plugin-conflict', range, `the stage ${stage.definition.id} of ${stage.plugin.name} is also defined by ${first.plugin.name}`, {
        hint: 'Give one of them another id.',
      })
    } else byId.set(stage.definition.id, stage)
  }
  const kinds = new Map<string, KindDefinition>()
  for (const plugin of plugins) {
    for (const kind of plugin.definition.kinds ?? []) {
      const first = kinds.get(kind.id)
      if (first && first.form !== kind.form) problems.error('plugin-conflict', ranges.get(plugin.name), `the kind ${kind.id} of ${plugin.name} is a ${kind.form}; another plugin defines it as a ${first.form}`)
      else if (!first) kinds.set(kind.id, kind)
    }
  }
  const names = new Map<string, number>()
  for (const plugin of plugins) names.set(plugin.name, (names.get(plugin.name) ?? 0) + 1)
  for (const [name, count] of names) if (count > 1) problems.error('plugin-conflict', ranges.get(name), `${count} plugins are called ${name}`, { hint: 'A plugin is named twice in the file, or two files use the same name.' })
  return problems.result(() => ({
    stage: id => byId.get(id),
    kind: id => kinds.get(id),
    stages: [...byId.values()],
    kinds: [...kinds.values()],
    plugins,
    providers: plugins.flatMap(p => (p.definition.provides ?? []).map(provider => ({ plugin: p.name, provider }))),
  }))
}
