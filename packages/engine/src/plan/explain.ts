import { canonicalJson } from '../artifacts/canonical-json.js'
import type { Component, Json, JsonObject } from '../artifacts/types.js'

/** One thing in which two keys differ. `name` leads to it: `params.rank`, `input tokens`, `files paths: a.md`. */
export interface Difference {
  readonly component: string
  readonly name: string
  /** Undefined where one of them does not have it. */
  readonly before: Json | undefined
  readonly after: Json | undefined
}

/** Beyond so many, the rest of one component is only counted. */
const listedDifferences = 5

/** What differs between two keys, component by component, objects by dotted path and files by name. Empty when the keys are the same. */
export function explain(before: readonly Component[], after: readonly Component[]): Difference[] {
  const old = new Map(before.map(c => [c.name, c.value]))
  const differences: Difference[] = []
  for (const { name, value } of after) {
    compare(name, name, old.get(name), value, differences)
    old.delete(name)
  }
  for (const [name, value] of old) differences.push({ component: name, name, before: value, after: undefined })
  return differences
}

/** The differences as reasons for people: `params.rank: 8 → 16`, `files file: .csv changed`, `the code of tune/lora changed`. */
export function describe(differences: readonly Difference[], uses: string): string[] {
  const reasons: string[] = []
  const counts = new Map<string, number>()
  // Another stage has other code.
  const isOther = differences.some(d => d.component === 'uses')
  for (const d of differences) {
    if (isOther && d.component === 'code') continue
    const count = (counts.get(d.component) ?? 0) + 1
    counts.set(d.component, count)
    if (count <= listedDifferences) reasons.push(reason(d, uses))
  }
  for (const [component, count] of counts) if (count > listedDifferences) reasons.push(`${component}: ${count - listedDifferences} more differences`)
  return reasons
}

function reason({ component, name, before, after }: Difference, uses: string): string {
  if (component === 'code') return `the code of ${uses} changed`
  if (component === 'key schema') return 'this version of hone makes keys in another way'
  const shown = component === 'files file' && name === component ? 'the file' : name
  if (isDigest(before) && isDigest(after)) return `${shown} changed`
  if (before === undefined) return isDigest(after) ? `${shown} is new` : `${shown}: ${short(after)} is new`
  if (after === undefined) return isDigest(before) ? `${shown} is gone` : `${shown}: ${short(before)} is gone`
  const [was, is] = shortPair(before, after)
  return `${shown}: ${was} → ${is}`
}

function compare(component: string, name: string, before: Json | undefined, after: Json | undefined, into: Difference[]): void {
  if (before !== undefined && after !== undefined && canonicalJson(before) === canonicalJson(after)) return
  if (isObject(before) && isObject(after)) {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
      compare(component, memberName(component, name, key), before[key], after[key], into)
    }
    return
  }
  if (Array.isArray(before) && Array.isArray(after)) return compareLists(component, name, before, after, into)
  into.push({ component, name, before, after })
}

/** Members with a name or a label are matched by it; other lists of one length by place. */
function compareLists(component: string, name: string, before: readonly Json[], after: readonly Json[], into: Difference[]): void {
  const old = byTitle(before)
  const now = byTitle(after)
  if (old && now) {
    for (const title of new Set([...old.keys(), ...now.keys()])) {
      const [was, is] = [old.get(title), now.get(title)]
      const at = title === '' ? name : `${name}: ${title}`
      // Only what is inside matters where one is gone or new.
      if (was !== undefined && is !== undefined) compareInside(component, at, was, is, into)
      else into.push({ component, name: at, before: inside(was), after: inside(is) })
    }
    if ([...old.keys()].join('\0') !== [...now.keys()].join('\0') && old.size === now.size && [...old.keys()].every(k => now.has(k))) {
      into.push({ component, name: `${name}: order`, before: [...old.keys()], after: [...now.keys()] })
    }
    return
  }
  if (before.length === after.length && before.some(item => typeof item === 'object')) {
    for (const [i, was] of before.entries()) {
      const is = after[i]!
      // Files that a list names one by one are all called by their extension.
      if (isObject(was) && isObject(is) && typeof was.name === 'string' && was.name === is.name) compareInside(component, `${name}.${i}: ${was.name}`, was, is, into)
      else compare(component, `${name}.${i}`, was, is, into)
    }
    return
  }
  into.push({ component, name, before, after })
}

function compareInside(component: string, name: string, was: Json, is: Json, into: Difference[]): void {
  if (isObject(was) && isObject(is)) {
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
      if (key === 'name' || key === 'label') continue
      const plain = key === 'digest' || key === 'content' || key === 'files' || key === 'reference'
      compare(component, plain ? name : `${name}.${key}`, was[key], is[key], into)
    }
    return
  }
  compare(component, name, was, is, into)
}

const inside = (value: Json | undefined): Json | undefined => (isObject(value) && typeof value.digest === 'string' ? value.digest : value)

/** The members of a list by the name or label that each has, if each has one of its own. */
function byTitle(list: readonly Json[]): Map<string, Json> | undefined {
  const members = new Map<string, Json>()
  for (const item of list) {
    if (!isObject(item)) return undefined
    const title = item.label ?? item.name ?? ('reference' in item ? 'reference' : 'files' in item ? '' : undefined)
    if (typeof title !== 'string' || members.has(title)) return undefined
    members.set(title, item)
  }
  return members
}

/** Files are named after a colon, parameters by dotted path. */
const memberName = (component: string, name: string, key: string): string =>
  component.startsWith('files ') ? (name.includes(': ') ? `${name}.${key}` : `${name}: ${key}`) : `${name}.${key}`

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
const isDigest = (value: Json | undefined): boolean => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)

/** A value for one line: long ones lose their middle. */
export function short(value: Json | undefined): string {
  if (value === undefined) return '(none)'
  if (isDigest(value)) return String(value).slice(0, 12)
  const text = written(value)
  return text.length <= 60 ? text : `${text.slice(0, 40)}…${text.slice(-16)}`
}

const written = (value: Json): string => (typeof value === 'string' && /^[\w./@:-]+$/.test(value) ? value : canonicalJson(value))

/** Two values for one line: of long ones the part is shown where they begin to differ. */
function shortPair(before: Json, after: Json): [string, string] {
  const [was, is] = [written(before), written(after)]
  if (isDigest(before) || isDigest(after) || was.length <= 60 || is.length <= 60) return [short(before), short(after)]
  let same = 0
  while (was[same] === is[same]) same++
  const from = Math.max(0, same - 20)
  const window = (text: string) => `${from > 0 ? '…' : ''}${text.slice(from, from + 60)}${text.length > from + 60 ? '…' : ''}`
  return [window(was), window(is)]
}
