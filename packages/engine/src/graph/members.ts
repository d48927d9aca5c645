import type { Json } from '../artifacts/types.js'
import { didYouMean } from '../diagnostics/suggestion.js'
import { isCollection, type CollectionToken, type StageDefinition } from '../plugin/define.js'
import { ParameterSchema } from './parameters.js'
import { type SchemaProblem, show, subject } from './schema-errors.js'

/** One of a collection that a parameter names and a plugin is to provide. */
export interface NamedMember {
  /** The key of the stage's `services`. */
  readonly service: string
  readonly token: CollectionToken<unknown>
  readonly name: string
  /** JSON pointer below `with`, with its leading slash. */
  readonly pointer: string
}

const collections = new WeakMap<StageDefinition, ReadonlyMap<string, CollectionToken<unknown>>>()

/** The collections among a stage's services; asked for each node of a plan. */
function collectionsOf(definition: StageDefinition): ReadonlyMap<string, CollectionToken<unknown>> {
  let found = collections.get(definition)
  if (!found) {
    found = new Map(Object.entries(definition.services ?? {}).flatMap(([service, token]) => (isCollection(token) ? [[service, token] as const] : [])))
    collections.set(definition, found)
  }
  return found
}

/** What a stage's parameters name of its collections, beside what it knows itself. */
export function membersNamed(definition: StageDefinition, params: Json): readonly NamedMember[] {
  const tokens = collectionsOf(definition)
  if (tokens.size === 0) return []
  return ParameterSchema.of(definition).provided(params).flatMap(({ service, name, pointer }) => {
    const token = tokens.get(service)
    const isOwn = !token || token.known.includes(name) || (token.literal !== undefined && new RegExp(token.literal).test(name))
    return isOwn ? [] : [{ service, token, name, pointer }]
  })
}

/** Those of them that nobody provides. `namesOf` answers what plugins provide of a collection. */
export function unknownMembers(definition: StageDefinition, params: Json, namesOf: (collection: string) => readonly string[]): SchemaProblem[] {
  return membersNamed(definition, params).flatMap(({ token, name, pointer }) => {
    const names = [...token.known, ...namesOf(token.name)]
    if (names.includes(name)) return []
    const hint = didYouMean(name, names, 'There are') ?? `There are ${names.join(', ')}.`
    return [{ code: 'bad-parameter', pointer, which: 'value', keyword: 'provided', message: `${subject(pointer)} names no ${token.name}; got ${show(name)}`, hint }]
  })
}
