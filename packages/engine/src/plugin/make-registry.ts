import type { Collector } from '../diagnostics/collector.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'
import type { Result } from '../diagnostics/result.js'
import type { KindDefinition } from './define.js'
import type { LoadedPlugin, RegisteredMember, RegisteredStage, Registry } from './registry.js'

/** `partial` holds what could be loaded, where something could not. */
export type LoadedRegistry = Result<Registry> & { readonly partial: Registry }

/** Puts loaded plugins together; two that define one stage, or two different kinds of one id, are an error at the later one. */
export function makeRegistry(
  plugins: readonly LoadedPlugin[],
  stages: readonly RegisteredStage[],
  members: readonly RegisteredMember[],
  ranges: ReadonlyMap<string, SourceRange>,
  problems: Collector,
  isOwnCommand: (name: string) => boolean = () => false,
): LoadedRegistry {
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
  const kinds = new Map<string, { readonly kind: KindDefinition; readonly plugin: LoadedPlugin }>()
  for (const plugin of plugins) {
    for (const kind of plugin.definition.kinds ?? []) {
      const first = kinds.get(kind.id)
      if (!first) kinds.set(kind.id, { kind, plugin })
      else if (!isSameKind(first.kind, kind)) {
        const hint = first.plugin.builtIn ? `Import it from ${first.plugin.name}, or give yours another id.` : 'Give one of them another id.'
        problems.error('plugin-conflict', ranges.get(plugin.name), `the kind ${kind.id} of ${plugin.name} is another than that of ${first.plugin.name}`, { hint })
      }
    }
  }
  const byName = new Map<string, RegisteredMember>()
  for (const member of members) {
    const { token, name } = member.provider
    const id = `${token.name} ${name}`
    const first = token.known.includes(name) ? 'hone' : byName.get(id)?.plugin.name
    if (first === undefined) byName.set(id, member)
    else problems.error('plugin-conflict', ranges.get(member.plugin.name), `the ${id} of ${member.plugin.name} is also ${first === 'hone' ? 'one of hone itself' : `provided by ${first}`}`, { hint: 'Give it another name.' })
  }
  const commands = new Map<string, string>()
  for (const plugin of plugins) {
    for (const { name } of plugin.definition.commands ?? []) {
      const first = isOwnCommand(name) && !plugin.builtIn ? 'hone itself' : commands.get(name)
      if (first !== undefined) problems.error('plugin-conflict', ranges.get(plugin.name), `the command ${name} of ${plugin.name} is also one of ${first}`, { hint: first === 'hone itself' ? 'Give it another name.' : 'Give one of them another name.' })
      commands.set(name, plugin.name)
    }
  }
  const names = new Map<string, number>()
  for (const plugin of plugins) names.set(plugin.name, (names.get(plugin.name) ?? 0) + 1)
  for (const [name, count] of names) if (count > 1) problems.error('plugin-conflict', ranges.get(name), `${count} plugins are called ${name}`, { hint: 'A plugin is named twice in the file, or two files use the same name.' })
  const registry: Registry = {
    stage: id => byId.get(id),
    kind: id => kinds.get(id)?.kind,
    member: (collection, name) => byName.get(`${collection} ${name}`),
    stages: [...byId.values()],
    kinds: [...kinds.values()].map(({ kind }) => kind),
    members: [...byName.values()],
    plugins,
    providers: plugins.flatMap(p => (p.definition.provides ?? []).map(provider => ({ plugin: p.name, provider }))),
  }
  return { ...problems.result(() => registry), partial: registry }
}

/** Files that plugins share are in the bundle of each, so that one kind may be there more than once: it is known by what it says and by the text of its functions. */
const isSameKind = (a: KindDefinition, b: KindDefinition): boolean => a === b || textOfKind(a) === textOfKind(b)

const textOfKind = ({ form, extension, rows, accepts, files, check, resolve }: KindDefinition): string =>
  [JSON.stringify([form, extension, rows && 'rows', accepts]), rows?.check, files, check, resolve].map(String).join('\0')
