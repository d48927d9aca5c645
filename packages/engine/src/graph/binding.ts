import { posix } from 'node:path'
import type { Json, JsonObject } from '../artifacts/types.js'
import type { Collector } from '../diagnostics/collector.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'
import { didYouMean } from '../diagnostics/suggestion.js'
import { determinismFault, portFaults } from '../plugin/declared.js'
import type { Determinism, InputPorts, OutputPorts, Resources } from '../plugin/define.js'
import type { RegisteredStage, Registry } from '../plugin/registry.js'
import type { Pipeline } from '../source/pipeline.js'
import { deferred, type Known, type Scope } from '../source/expressions/evaluate.js'
import { residueOfCondition } from '../source/expressions/residue.js'
import { templateReferences } from '../source/expressions/references.js'
import { ExpressionError } from '../source/expressions/syntax.js'
import { parseSize } from '../source/quantities.js'
import type { GraphNode, NodeInput } from './graph.js'
import type { Labels } from './matrix.js'
import { membersNamed, unknownMembers } from './members.js'
import { ParameterSchema } from './parameters.js'
import { resourceFault } from './resource-fault.js'
import { pointerParts, schemaProblems, show } from './schema-errors.js'
import type { StageEntry } from './stage-entry.js'
import { Values, axesOf, byAxes, unionOfAxes } from './values.js'

type Files = NodeInput & { readonly type: 'files' }

/** What of a node rests on its labels alone, and is shared by all nodes in which they say the same. */
export interface Bound {
  readonly params: JsonObject
  readonly deferred: readonly string[]
  readonly inputPorts: InputPorts
  /** Undefined where they rest on parameters that are wrong. */
  readonly outputPorts: OutputPorts | undefined
  readonly files: Readonly<Record<string, readonly Files[]>>
  readonly resources: GraphNode['resources']
}

export interface Binding {
  readonly bound: (labels: Labels) => Bound
  readonly env: (labels: Labels) => Pick<GraphNode, 'env' | 'deferredEnv'>
  readonly when: (labels: Labels) => Pick<GraphNode, 'when'> & { readonly condition?: string }
  readonly seed: (labels: Labels) => number
  readonly publish: (labels: Labels) => Readonly<Record<string, string>>
  /** Whether any of these says something else for other labels. */
  readonly readsMatrix: boolean
}

/** `absent`: each axis of the stage as null. `matrixIsKnown` is false where the axes it inherits cannot be told. */
export interface BindingOptions {
  readonly absent: Readonly<Record<string, null>>
  readonly matrixIsKnown: boolean
}

/** Computes a stage's values for the labels of its nodes, and checks its parameters. */
export function bindStage(entry: StageEntry & { registered: RegisteredStage }, pipeline: Pipeline, registry: Registry, collector: Collector, { absent, matrixIsKnown }: BindingOptions): Binding {
  const { source, path, registered } = entry
  const { definition } = registered
  const complain = (key: string) => (pointer: string, error: ExpressionError) =>
    collector.error(error.code, pipeline.rangeIn([...path, key, ...pointerParts(pointer)], error.start, error.end - error.start), error.message, { hint: error.hint })

  const scopeOf = (labels: Labels, env: (name: string) => Known<string | null>): Scope => ({
    params: pipeline.params,
    matrix: matrixIsKnown ? ({ ...absent, ...labels } as Labels) : deferred,
    env,
    secret: () => deferred,
    digest: () => deferred,
    metric: () => deferred,
  })
  const outerEnv = (name: string) => pipeline.env[name] ?? null

  const env = byAxes(entry.env.axes, labels => {
    const { value, deferred } = entry.env.evaluate(scopeOf(labels, outerEnv), complain('env'))
    const texts = Object.fromEntries(Object.entries(value as JsonObject).filter(([, text]) => text !== null).map(([name, text]) => [name, typeof text === 'object' ? JSON.stringify(text) : String(text)]))
    return { env: texts, deferredEnv: deferred.map(pointer => pointerParts(pointer)[0]!) }
  })
  /** A stage sees its own `env` first, as a step does in GitHub Actions. */
  const ownEnv = (labels: Labels) => (name: string) => {
    const own = env(labels)
    return own.deferredEnv.includes(name) ? deferred : own.env[name] ?? outerEnv(name)
  }
  const readsEnv = (references: readonly { type: string }[]) => (references.some(r => r.type === 'env') ? entry.env.axes : new Set<string>())
  const scope = (labels: Labels) => scopeOf(labels, ownEnv(labels))

  const resourceValues = new Values(source.resources)
  const seedValues = new Values(source.seed)
  const publishValues = new Values(source.publish as JsonObject)
  const keysFit = checkKeys(entry, registry, pipeline, collector)

  const bound = byAxes(unionOfAxes(entry.with.axes, readsEnv(entry.with.references), resourceValues.axes), (labels): Bound => {
    const { value, deferred: waiting, failed } = entry.with.evaluate(scope(labels), complain('with'))
    const params = value as Record<string, Json>
    const given = new Set(Object.keys(params))
    for (const key of keysFit.dropped) delete params[key]
    const before = collector.errors
    checkParams(entry, params, new Set([...waiting, ...failed]), pipeline, collector)
    const known = matrixIsKnown || (entry.with.axes !== 'all' && entry.with.axes.size === 0) ? new Set(waiting) : 'unknown'
    checkMembers(entry, params, known, new Set([...waiting, ...failed]), registry, pipeline, collector)
    const isSound = collector.errors === before && failed.length === 0
    const shapes = Object.fromEntries(entry.inputs.map(input => [input.port, input.shape]))
    const { inputs, outputs } = definition
    const inputPorts = typeof inputs === 'function' ? (portsOf('inputs', () => inputs.call(definition, params, Object.keys(shapes), shapes), isSound) ?? {}) : inputs
    const outputPorts = typeof outputs === 'function' ? portsOf('outputs', () => outputs.call(definition, params), isSound) : outputs
    if (typeof definition.determinism === 'function' && isSound && waiting.length === 0) checkDeterminism(definition.determinism, params)
    return {
      params,
      deferred: waiting.map(pointer => pointer.slice(1)).filter(pointer => !keysFit.dropped.has(pointerParts(pointer)[0]!)),
      inputPorts,
      outputPorts,
      files: namedFiles(entry, params, given, known, inputPorts, isSound, pipeline, collector),
      resources: resourcesOf(labels, params, isSound),
    }
  })

  function faulty(what: string, why: string): void {
    collector.error('plugin-fault', pipeline.rangeOf([...path, 'uses']), `"${definition.id}" fails to say ${what}: ${why}`, { hint: `It comes from the plugin ${entry.registered.plugin.name}.` })
  }

  /** Ports that a function of the definition names for these parameters; those of a definition without one were looked at when it was loaded. */
  function portsOf<T extends object>(side: 'inputs' | 'outputs', ask: () => T, isSound: boolean): T | undefined {
    const asked = answerOf(ask, given => portFaults(side, given).next().value as string | undefined)
    if (asked.fault === undefined) return asked.answer
    // Wrong parameters may well confuse it; they have been complained about.
    if (isSound) faulty('what ports it has', asked.fault)
    return undefined
  }

  function checkDeterminism(determinism: (params: JsonObject) => Determinism, params: JsonObject): void {
    const { fault } = answerOf(() => determinism(params), answer => {
      const wrong = determinismFault(answer)
      return wrong && `${wrong}; got ${show(answer)}`
    })
    if (fault !== undefined) faulty('whether it repeats itself', fault)
  }

  function resourcesOf(labels: Labels, params: JsonObject, isSound: boolean): GraphNode['resources'] {
    let own: Resources = {}
    if (isSound && definition.resources) {
      const asked = answerOf(() => definition.resources!(params) ?? {}, resourceFault)
      if (asked.fault === undefined) own = asked.answer
      else faulty('what resources it takes', asked.fault)
    }
    const { value, deferred: waiting, failed } = resourceValues.evaluate(scopeOf(labels, outerEnv), complain('resources'))
    const given = value as JsonObject
    const unknown = new Set([...waiting, ...failed].map(pointer => pointer.slice(1)))
    const number = (name: 'cpus' | 'gpus', fallback: number, isFine: (n: number) => boolean, wanted: string) => {
      const n = given[name]
      if (n === undefined || unknown.has(name)) return own[name] ?? fallback
      if (typeof n === 'number' && isFine(n)) return n
      collector.error('bad-quantity', pipeline.rangeOf([...path, 'resources', name]), `"${name}" must be ${wanted}; got ${show(n)}.`)
      return fallback
    }
    const size = given.memory === undefined || unknown.has('memory') ? parseSize(own.memory ?? 0) : parseSize(given.memory)
    if (size === undefined) collector.error('bad-quantity', pipeline.rangeOf([...path, 'resources', 'memory']), `"memory" must be a size; got ${show(given.memory ?? (own.memory as Json))}.`, { hint: 'Write for example 4GiB or 500MB.' })
    return { cpus: number('cpus', 1, n => n > 0, 'a number above 0'), gpus: number('gpus', 0, n => Number.isInteger(n) && n >= 0, 'a whole number ≥ 0'), memory: size ?? 0 }
  }

  const whenReferences = entry.when ? templateReferences(entry.when) : []
  const when = byAxes(unionOfAxes(axesOf(whenReferences), readsEnv(whenReferences)), labels => {
    if (!entry.when) return { when: (source.when?.value as boolean | undefined) ?? true }
    try {
      const left = residueOfCondition(entry.when, scope(labels))
      return 'value' in left ? { when: left.value } : { when: undefined, condition: left.expression }
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error
      complain('when')('', error)
      return { when: undefined }
    }
  })
  const seed = byAxes(seedValues.axes, labels => {
    const { value, deferred: waiting, failed } = seedValues.evaluate(scopeOf(labels, outerEnv), complain('seed'))
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    if (waiting.length + failed.length === 0) collector.error('wrong-type', pipeline.rangeOf([...path, 'seed']), `"seed" must be a whole number ≥ 0; got ${show(value)}.`)
    return 0
  })
  const publish = byAxes(publishValues.axes, labels => {
    const { value, deferred: waiting, failed } = publishValues.evaluate(scopeOf(labels, outerEnv), complain('publish'))
    const unknown = [...waiting, ...failed].map(pointer => pointerParts(pointer)[0]!)
    const paths: Record<string, string> = {}
    for (const [port, to] of Object.entries(value as JsonObject)) if (!unknown.includes(port)) paths[port] = publishPath(String(to), pipeline.rangeOf([...path, 'publish', port]), collector)
    return paths
  })
  const readsMatrix = [entry.with.axes, entry.env.axes, resourceValues.axes, seedValues.axes, publishValues.axes, axesOf(whenReferences)].some(axes => axes === 'all' || axes.size > 0)
  return { bound, env, when, seed, publish, readsMatrix }
}

/** A path below the project root, without `.` and `..`. */
function publishPath(written: string, range: SourceRange, collector: Collector): string {
  const path = posix.normalize(written.replaceAll('\\', '/')).replace(/\/$/, '')
  const isInside = !posix.isAbsolute(path) && !/^[A-Za-z]:/.test(path) && path !== '.' && path !== '..' && !path.startsWith('../')
  if (!isInside) collector.error('publish-path', range, `"${written}" is no path below the project root.`, { hint: 'Published files lie in the project; `hone artifacts --out` copies elsewhere.' })
  else if (path === '.hone' || path.startsWith('.hone/')) collector.error('publish-path', range, `"${written}" lies in the store.`, { hint: 'Choose a folder such as out/.' })
  return path
}

/** Keys of `with` that the stage does not declare: another stage of its kind may, and then they are dropped. Seen once a stage. */
function checkKeys({ source, path, registered, inputs }: StageEntry & { registered: RegisteredStage }, registry: Registry, pipeline: Pipeline, collector: Collector): { dropped: ReadonlySet<string> } {
  const { definition } = registered
  const dropped = new Set<string>()
  const known = ParameterSchema.of(definition).declared
  if (!known) return { dropped }
  const kind = definition.id.split('/')[0]!
  for (const key of Object.keys(source.with)) {
    if (known.has(key)) continue
    dropped.add(key)
    const range = pipeline.rangeOf([...path, 'with', key], 'key')
    const other = registry.stages.find(({ definition: { id } , definition: d }) => id !== definition.id && id.startsWith(`${kind}/`) && ParameterSchema.of(d).properties.has(key))
    const ports = typeof definition.inputs === 'function' ? {} : definition.inputs
    if (other) {
      collector.warning('unused-parameter', range, `"${key}" is a parameter of ${other.definition.id}; ${definition.id} does not take it.`, { hint: 'It is not passed on, and changing it reruns nothing.' })
    } else if (Object.hasOwn(ports, key) && !inputs.some(input => input.port === key)) {
      collector.error('unknown-key', range, `"${key}" is an input of ${definition.id}, not a parameter.`, { hint: `Write it under \`inputs:\`.` })
    } else {
      collector.error('unknown-key', range, `${definition.id} has no parameter "${key}".`, { hint: didYouMean(key, known, 'Its parameters are') ?? `\`hone stages ${definition.id}\` lists its parameters.` })
    }
  }
  return { dropped }
}

function checkParams({ path, source, registered, inputs, with: values }: StageEntry & { registered: RegisteredStage }, params: JsonObject, unknown: ReadonlySet<string>, pipeline: Pipeline, collector: Collector): void {
  const schema = ParameterSchema.of(registered.definition)
  let errors
  try {
    errors = schema.errors(params)
  } catch (error) {
    collector.error('plugin-fault', pipeline.rangeOf([...path, 'uses']), `The parameters of "${registered.definition.id}" have a schema that is none: ${(error as Error).message}`, { hint: `It comes from the plugin ${registered.plugin.name}.` })
    return
  }
  // What is not known yet is checked again when it is.
  const relevant = errors.filter(e => ![...unknown].some(pointer => e.instancePath === pointer || e.instancePath.startsWith(`${pointer}/`)))
  for (const found of schemaProblems(relevant)) {
    const parts = pointerParts(found.pointer)
    const given = inputs.some(input => found.keyword === 'required' && parts.length === 0 && found.message === `"${input.port}" is required`)
    if (given) continue
    const at = [...path, 'with', ...parts]
    const isWhole = found.keyword === 'required' && parts.length === 0 && Object.keys(source.with).length === 0
    collector.error(found.code, isWhole ? pipeline.rangeOf([...path, 'uses']) : pipeline.rangeOf(at, found.keyword === 'required' ? 'key' : found.which), `${found.message}.`, {
      hint: found.hint ?? (found.keyword === 'required' && parts.length === 0 ? `Write it under \`with:\` of "${source.id}".` : undefined),
      related: origin(values, parts, path, pipeline),
    })
  }
}

/** Names of what plugins provide: those that nobody does, and those that are not known before the run, whose code could not be in the key. */
function checkMembers({ path, registered }: StageEntry & { registered: RegisteredStage }, params: JsonObject, waiting: ReadonlySet<string> | 'unknown', unread: ReadonlySet<string>, registry: Registry, pipeline: Pipeline, collector: Collector): void {
  for (const { pointer, token } of membersNamed(registered.definition, params)) {
    if (waiting === 'unknown' || !waiting.has(pointer)) continue
    collector.error('expression-place', pipeline.rangeOf([...path, 'with', ...pointerParts(pointer)]), `"${pointerParts(pointer).join('.')}" names a ${token.name}, which must be known before the run; a digest or a secret is not.`)
  }
  const namesOf = (collection: string) => registry.members.flatMap(({ provider }) => (provider.token.name === collection ? [provider.name] : []))
  for (const { code, pointer, message, hint } of unknownMembers(registered.definition, params, namesOf)) {
    if (!unread.has(pointer)) collector.error(code, pipeline.rangeOf([...path, 'with', ...pointerParts(pointer)]), `${message}.`, { hint })
  }
}

/** Where a value that is a single `${{ params.x }}` or `${{ matrix.x }}` comes from. */
function origin(values: Values, parts: readonly string[], path: readonly (string | number)[], pipeline: Pipeline): { message: string; range: SourceRange }[] {
  const template = values.templates.find(t => t.pointer.length === parts.length && t.pointer.every((part, i) => part === parts[i]))?.template
  const [reference, second] = template ? templateReferences(template) : []
  if (!reference || second || !('name' in reference) || reference.name === undefined) return []
  if (reference.type === 'params') return [{ message: `the parameter "${reference.name}" stands here`, range: pipeline.rangeOf(['params', reference.name], 'key') }]
  if (reference.type === 'matrix') return [{ message: `the axis "${reference.name}" stands here`, range: pipeline.rangeOf([...path, 'matrix', reference.name], 'key') }]
  return []
}

/** What a function of a plugin answers, or what is wrong with that; one that throws has a fault too. */
function answerOf<T>(ask: () => T, faultOf: (answer: T) => string | undefined): { readonly answer: T; readonly fault?: undefined } | { readonly fault: string } {
  try {
    const answer = ask()
    const fault = faultOf(answer)
    return fault === undefined ? { answer } : { fault }
  } catch (error) {
    return { fault: (error as Error).message }
  }
}

/** What parameters name, by the port that it feeds. */
function namedFiles({ path, source, registered, inputs }: StageEntry & { registered: RegisteredStage }, params: JsonObject, written: ReadonlySet<string>, waiting: ReadonlySet<string> | 'unknown', ports: InputPorts, isSound: boolean, pipeline: Pipeline, collector: Collector): Bound['files'] {
  const files: Record<string, Files[]> = {}
  for (const { pointer, port, glob, reference, keyed } of ParameterSchema.of(registered.definition).artifacts(params)) {
    const parts = pointerParts(pointer)
    const range = pipeline.rangeOf([...path, 'with', ...parts])
    const given = inputs.find(input => input.port === port)
    if (!Object.hasOwn(ports, port)) {
      // Of parameters that exclude each other one may have taken the port away.
      if (isSound) collector.error('plugin-fault', range, `The parameter "${parts[0]}" of ${registered.definition.id} is to feed a port "${port}" that is not there.`, { hint: `It comes from the plugin ${registered.plugin.name}.` })
    } else if (waiting !== 'unknown' && waiting.has(pointer)) {
      collector.error('expression-place', range, `"${parts.join('.')}" names a file, which must be known before the run; a digest or a secret is not.`)
    } else if (given && written.has(parts[0]!)) {
      collector.error('input-twice', range, `"${port}" of "${source.id}" is given twice: here and under \`inputs\`.`, { hint: 'Keep one of them.', related: [{ message: 'the other is here', range: pipeline.rangeOf([...path, 'inputs', port], 'key') }] })
    } else if (!given) {
      ;(files[port] ??= []).push({ type: 'files', param: pointer.slice(1), reference, label: '', glob, ...(keyed !== undefined && { keyed }), range })
    }
  }
  return files
}
