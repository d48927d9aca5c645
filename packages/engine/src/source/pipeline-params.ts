import type { Json, JsonObject } from '../artifacts/types.js'
import { Collector } from '../diagnostics/collector.js'
import { didYouMean } from '../diagnostics/suggestion.js'
import { readYaml } from './document.js'
import { typeName } from './expressions/functions.js'

/** What `--set` and `--params` give. */
export interface ParamOverrides {
  readonly set?: Readonly<Record<string, string>> | readonly string[] | undefined
  readonly paramsFile?: { readonly file: string; readonly text: string } | undefined
}

/** The parameters of the file with `--params` and then `--set` laid over them, each of the type of its default. */
export function overrideParams(defaults: JsonObject, { set = [], paramsFile }: ParamOverrides, collector: Collector): JsonObject {
  const params: Record<string, Json> = { ...defaults }
  if (paramsFile) applyFile(params, defaults, paramsFile, collector)
  const settings = Array.isArray(set) ? (set as readonly string[]).map(splitSetting) : Object.entries(set as Record<string, string>)
  for (const [name, text] of settings) applySetting(params, defaults, name, text, collector)
  return params
}

function splitSetting(setting: string): readonly [string, string | undefined] {
  const at = setting.indexOf('=')
  return at < 0 ? [setting, undefined] : [setting.slice(0, at).trim(), setting.slice(at + 1)]
}

function applyFile(params: Record<string, Json>, defaults: JsonObject, { file, text }: { file: string; text: string }, collector: Collector) {
  const document = readYaml(file, text, collector)
  if (!document || document.value === null) return
  if (typeof document.value !== 'object' || Array.isArray(document.value)) {
    collector.error('wrong-type', document.rangeOf([]), `A file of parameters is a map of names to values, not ${typeName(document.value)}.`)
    return
  }
  for (const [name, value] of Object.entries(document.value)) {
    if (!Object.hasOwn(defaults, name)) {
      collector.error('unknown-parameter', document.rangeOf([name], 'key'), `The pipeline has no parameter "${name}".`, { hint: known(name, defaults) })
    } else if (!sameType(defaults[name]!, value)) {
      collector.error('parameter-type', document.rangeOf([name]), `"${name}" takes ${typeName(defaults[name])}, as its default is; got ${typeName(value)}.`)
    } else params[name] = value
  }
}

const known = (name: string, defaults: JsonObject) => didYouMean(name, Object.keys(defaults), 'Its parameters are') ?? 'Give it a default under `params:`.'

/** `a.b=1` sets a part of a map. */
function applySetting(params: Record<string, Json>, defaults: JsonObject, name: string, text: string | undefined, collector: Collector) {
  if (name === '') {
    collector.error('unknown-parameter', undefined, `--set =${text ?? ''}: the name of a parameter is missing.`, { hint: `Write --set NAME=${text || 'VALUE'}.` })
    return
  }
  const path = Object.hasOwn(defaults, name) ? [name] : name.split('.')
  let expected: Json | undefined = defaults
  for (const [i, part] of path.entries()) {
    const holder: Json | undefined = expected
    if (typeof holder === 'object' && holder !== null && !Array.isArray(holder) && Object.hasOwn(holder, part)) {
      expected = (holder as JsonObject)[part]
      continue
    }
    const names = typeof holder === 'object' && holder !== null && !Array.isArray(holder) ? (holder as JsonObject) : {}
    const whole = path.slice(0, i).join('.')
    const message = i === 0 ? `--set ${name}: the pipeline has no parameter "${part}".` : `--set ${name}: "${whole}" has no key "${part}".`
    collector.error('unknown-parameter', undefined, message, { hint: known(part, names) })
    return
  }
  if (text === undefined) {
    collector.error('parameter-type', undefined, `--set ${name}: a value is missing.`, { hint: `Write --set ${name}=VALUE.` })
    return
  }
  const value = typed(text, expected!)
  if (value === undefined) {
    collector.error('parameter-type', undefined, `--set ${name}=${text}: "${name}" takes ${typeName(expected)}, as its default ${JSON.stringify(expected)} is.`, { hint: example(name, expected!) })
    return
  }
  let holder = params
  for (const part of path.slice(0, -1)) holder = holder[part] = { ...(holder[part] as JsonObject) }
  holder[path.at(-1)!] = value
}

const example = (name: string, expected: Json) =>
  typeof expected === 'number' ? `For example --set ${name}=${expected}.` : typeof expected === 'boolean' ? `Write --set ${name}=true or --set ${name}=false.` : `Write it as in YAML: --set '${name}=${JSON.stringify(expected)}'.`

/** The text as a value of the type of the default; undefined where it is none. A default of null takes anything. */
function typed(text: string, expected: Json): Json | undefined {
  if (typeof expected === 'string') return text
  const value = plainValue(text)
  return value !== undefined && sameType(expected, value) ? value : undefined
}

function plainValue(text: string): Json | undefined {
  const collector = new Collector()
  const document = readYaml('--set', text, collector)
  return collector.errors === 0 ? document?.value : undefined
}

const sameType = (expected: Json, value: Json) =>
  expected === null || (typeof expected === typeof value && value !== null && Array.isArray(expected) === Array.isArray(value))
