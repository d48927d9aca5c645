import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { digestOfJson, sha256 } from '../artifacts/digest.js'
import type { Json, JsonObject } from '../artifacts/types.js'
import { prepareOutputs } from '../execute/outputs.js'
import type { StageRequest } from '../execute/request.js'
import { unknownMembers } from '../graph/members.js'
import { ParameterSchema } from '../graph/parameters.js'
import { schemaProblems, type SchemaProblem } from '../graph/schema-errors.js'
import { findNamed, type Hashing } from '../plan/named-files.js'
import type { RequestInput } from '../plan/types.js'
import { isMember, type CheckContext, type InputPort, type InputPorts, type OutputPorts, type PluginDefinition, type StageDefinition } from '../plugin/define.js'
import { digestsBelow } from './contents.js'
import { temporaryFolder } from './temporary-folder.js'

/** A path (of a file or a folder, which is copied), the rows of a JSONL file, or the text of a file, or those of a folder by their names. */
export type GivenInput =
  | string
  | readonly object[]
  | { readonly text: string; readonly logicalName?: string; readonly reference?: string }
  | { readonly files: Readonly<Record<string, string>>; readonly reference?: string }
  | { readonly path: string; readonly logicalName?: string; readonly reference?: string }

/** What a stage is run on. */
export interface StageSetting {
  /** As under `with`; defaults of the schema are filled in. */
  readonly params?: Readonly<Record<string, unknown>>
  /** By port; of a port that takes many, by label. A port that a parameter names is found in `project` and need not stand here. */
  readonly inputs?: Readonly<Record<string, GivenInput | Readonly<Record<string, GivenInput>>>>
  /** A folder that is copied to be the project, or its files by their names. */
  readonly project?: string | Readonly<Record<string, string>>
  /** Plugins whose services the stage asks for. */
  readonly plugins?: readonly PluginDefinition[]
  readonly seed?: number
  readonly threads?: number
  readonly env?: Readonly<Record<string, string>>
  readonly backend?: string
}

/** A stage's request in a temporary folder of its own. */
export interface Place {
  readonly root: string
  /** Where its outputs are, and nothing else may be. */
  readonly attempt: string
  readonly request: StageRequest
  readonly inputPorts: InputPorts
  readonly outputPorts: OutputPorts
  readonly checkInputs: CheckContext['inputs']
}

const hashing: Hashing = {
  digestFile: async path => {
    const data = readFileSync(path)
    return { digest: sha256(data), bytes: data.length }
  },
  knownDigest: () => undefined,
}

/** What a test gives as a stage may come from a list that has none. */
export function askForStage(given: StageDefinition, of: string): void {
  if (typeof given !== 'object' || given === null) throw new TypeError(`${of} is given ${String(given)} where a stage is asked for: has the plugin one, and is it the first of \`stages\`?`)
}

/** What is wrong with parameters before the run, without the stage's own check. Sets defaults in them. */
export function parameterProblems(stage: StageDefinition, params: JsonObject, { plugins = [] }: StageSetting): readonly SchemaProblem[] {
  const members = plugins.flatMap(p => p.provides ?? []).filter(isMember)
  return [...schemaProblems(ParameterSchema.of(stage).errors(params)), ...unknownMembers(stage, params, collection => members.filter(m => m.token.name === collection).map(m => m.name))]
}

/** The parameters with their defaults. Throws an Error that says what is refused. */
export function completeParams(stage: StageDefinition, setting: StageSetting): JsonObject {
  const params = structuredClone(setting.params ?? {}) as Record<string, Json>
  const wrong = parameterProblems(stage, params, setting)
  if (wrong.length > 0) throw new Error(`${stage.id} refuses the parameters: ${wrong.map(p => p.message).join('; ')}`)
  return params
}

/** Puts a stage's parameters, inputs and outputs into a fresh folder. */
export async function layOut(stage: StageDefinition, setting: StageSetting, memoRoot?: string): Promise<Place> {
  const root = temporaryFolder('hone-stage-')
  const [project, attempt, scratch] = ['project', 'attempt', 'scratch'].map(name => join(root, name)) as [string, string, string]
  const keep = stage.extends?.length ? join(root, 'keep') : undefined
  for (const folder of [project, attempt, scratch, ...(keep ? [keep] : [])]) mkdirSync(folder)
  const params = completeParams(stage, setting)
  if (typeof setting.project === 'string') cpSync(setting.project, project, { recursive: true, filter: from => !/[\\/](node_modules|\.hone|\.git)$/.test(from) })
  else writeFiles(project, setting.project ?? {})

  const named = ParameterSchema.of(stage).artifacts(params)
  const given = [...new Set([...Object.keys(setting.inputs ?? {}), ...named.map(n => n.port)])]
  // How often it is given decides what some stages take; a map of labels can only be told from one input by the port.
  const shapes = Object.fromEntries(given.map(port => [port, isLabelled(setting.inputs?.[port]) ? 'many' : 'one'] as const))
  const inputPorts = typeof stage.inputs === 'function' ? stage.inputs(params, given, shapes) : stage.inputs
  const outputPorts = typeof stage.outputs === 'function' ? stage.outputs(params) : stage.outputs

  const inputs: Record<string, RequestInput[]> = {}
  const checkInputs: Record<string, { path: string; logicalName: string; reference: string }[]> = {}
  for (const [port, value] of Object.entries(setting.inputs ?? {})) {
    const of = portOf(stage, inputPorts, port)
    const members = of.many && isLabelled(value) ? Object.entries(value) : [['', value as GivenInput] as const]
    inputs[port] = members.map(([label, member], i) => placed(join(root, 'inputs', port, String(i)), of, label, member, setting))
  }
  for (const { port, reference, glob } of named) {
    if (setting.inputs?.[port] !== undefined) continue
    const of = portOf(stage, inputPorts, port)
    const found = await findNamed({ port, reference, glob, kind: of.kind, view: of.view }, project, hashing)
    if (found.type === 'problem') throw new Error(`${found.message}. Give it as \`inputs: { ${port}: … }\`, or put it into \`project\`.`)
    for (const { path, logicalName, digest } of found.artifacts) {
      ;(inputs[port] ??= []).push({ kind: of.kind.id, path, digest, label: '', reference, logicalName })
      ;(checkInputs[port] ??= []).push({ path, logicalName, reference })
    }
  }
  for (const [port, { optional }] of Object.entries(inputPorts)) if (!optional && !inputs[port]) throw new Error(`${stage.id} needs the input "${port}": give it as \`inputs: { ${port}: … }\``)
  return {
    root,
    attempt,
    inputPorts,
    outputPorts,
    checkInputs,
    request: {
      plugin: { name: 'under test', module: '' },
      providers: [],
      uses: stage.id,
      node: 'under-test',
      params,
      inputs,
      manyInputs: Object.keys(inputs).filter(port => inputPorts[port]?.many === true),
      outputs: prepareOutputs(attempt, outputPorts),
      seed: setting.seed ?? 0,
      threads: setting.threads ?? 1,
      ...(setting.backend !== undefined && { backend: setting.backend }),
      env: setting.env ?? {},
      projectRoot: project,
      scratch,
      ...(keep !== undefined && { keep, prior: [] }),
      memoRoot: memoRoot ?? join(root, 'memo'),
      memoDigest: sha256(stage.id),
    },
  }
}

function portOf(stage: StageDefinition, ports: InputPorts, port: string): InputPort {
  const of = ports[port]
  if (!of) throw new Error(`${stage.id} has no input "${port}"; it has ${Object.keys(ports).join(', ') || 'none'}`)
  return of
}

const isLabelled = (value: unknown): value is Readonly<Record<string, GivenInput>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !['text', 'files', 'path'].some(key => key in value)

/** Writes or copies one input into `folder`. */
function placed(folder: string, { kind }: InputPort, label: string, given: GivenInput, setting: StageSetting): RequestInput {
  const name = kind.form === 'file' && kind.extension ? `input.${kind.extension}` : 'input'
  mkdirSync(folder, { recursive: true })
  let path = join(folder, name)
  if (Array.isArray(given)) writeFileSync(path, given.map(row => `${JSON.stringify(row)}\n`).join(''))
  else if (typeof given === 'object' && 'text' in given) writeFileSync(path, given.text)
  else if (typeof given === 'object' && 'files' in given) writeFiles(path, given.files)
  else {
    const from = resolve(typeof setting.project === 'string' ? setting.project : '.', typeof given === 'string' ? given : (given as { path: string }).path)
    path = join(folder, basename(from))
    cpSync(from, path, { recursive: true })
  }
  const { reference, logicalName } = (typeof given === 'object' && !Array.isArray(given) ? given : {}) as { reference?: string; logicalName?: string }
  const { '': own, ...files } = digestsBelow(path)
  return { kind: kind.id, path, digest: own ?? digestOfJson(files), label, ...(reference !== undefined && { reference }), ...(logicalName !== undefined && { logicalName }) }
}

function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}
