import { statSync } from 'node:fs'
import { digestOfJson } from '../artifacts/digest.js'
import type { ArtifactStore, Digest, OutputRecord } from '../artifacts/types.js'
import type { Code } from '../diagnostics/codes.js'
import { parsePipelineReference, type PipelineReference } from '../graph/reference.js'
import { isReferenceProblem, type KindDefinition, type OutsideContext, type OutsideReference } from '../plugin/define.js'
import type { NamedArtifact, NamedFiles, Naming } from './types.js'
import { contentOfFolder } from './outside-folder.js'

/** What leads from a reference to what it means, for whoever plans. Nothing here asks the network. */
export interface References {
  /** What hone.lock says. Throws a DiagnosticError where it cannot be read. */
  readonly pinOf: (reference: string) => string | undefined
  readonly outside: OutsideContext
  /** What a stage of another pipeline made, if that is current. */
  readonly ofPipeline: (reference: PipelineReference, naming: Naming) => Promise<NamedFiles>
}

export const problem = (code: Code, message: string, hint: string): NamedFiles => ({ type: 'problem', code, message, hint })

/** What a reference means that is no path of this project: its place, what is wrong with it, or undefined where it is none. */
export async function findReference(naming: Naming, references: References | undefined): Promise<NamedFiles | { readonly type: 'place'; readonly path: string } | undefined> {
  const { reference, kind, view } = naming
  try {
    const outside = kind.resolve?.(reference)
    if (outside && references) {
      const place = placeOf(outside, reference, view, references)
      return place !== undefined && statSync(place, { throwIfNoEntry: false }) ? { type: 'place', path: place } : notFetched(reference, outside.pin ?? references.pinOf(reference))
    }
  } catch (error) {
    if (isReferenceProblem(error)) return problem('unknown-reference', error.message, error.hint ?? 'See docs/pipeline-reference.md for the forms of a reference.')
    throw error
  }
  if (/^(hf|https?):/.test(reference)) {
    const hub = onHub(reference, kind)
    return problem('unknown-reference', `"${reference}" is not a path, and is not on this machine`, hub === undefined ? 'Fetch it, and name the folder or the file here.' : `Write ${hub}.`)
  }
  const elsewhere = parsePipelineReference(reference)
  return elsewhere && references?.ofPipeline(elsewhere, naming)
}

/** `hf:ORG/NAME` for what is written as ORG/NAME, or as its page is called, where a kind is fetched from the model hub. */
export function onHub(reference: string, kind: KindDefinition): string | undefined {
  const [, id, revision] = /^(?:hf:|https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/)?([\w.-]+\/[\w.-]+)(?:(?:@|\/tree\/)([\w.-]+))?\/?$/i.exec(reference) ?? []
  if (id === undefined) return undefined
  const name = `hf:${id}${revision === undefined ? '' : `@${revision}`}`
  try {
    return kind.resolve?.(name) && name
  } catch {
    return undefined
  }
}

function placeOf(outside: OutsideReference, reference: string, view: string | undefined, { pinOf, outside: context }: References): string | undefined {
  const pin = outside.pin ?? pinOf(reference)
  return pin === undefined ? undefined : outside.find(pin, view, context)
}

const notFetched = (reference: string, pin: string | undefined): NamedFiles =>
  pin === undefined
    ? problem('not-fetched', `"${reference}" has not been resolved and fetched yet`, `Fetch it: hone update ${reference} (\`hone run\` does so too).`)
    : problem('not-fetched', `"${reference}" is not on this machine`, `Fetch it as hone.lock has it: hone update --locked ${reference} (\`hone run\` does so too).`)

/** What a stage of another pipeline left, as an artifact that a parameter names: its key holds the content, as that of a folder of the user. */
export async function namedOutput(output: OutputRecord, kind: KindDefinition, view: string | undefined, store: ArtifactStore): Promise<NamedArtifact> {
  const path = store.pathOf(output)
  if (output.form === 'file') {
    const logicalName = kind.extension === undefined ? '' : `.${kind.extension}`
    return { path, logicalName, digest: output.digest, content: { name: logicalName, digest: output.digest } }
  }
  const entries = new Map((await store.entries(output)).map(e => [e.path, e.digest]))
  const counting = kind.files ? [...kind.files([...entries.keys()], view)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)) : [...entries.keys()]
  const files: Record<string, Digest> = Object.fromEntries(counting.map(name => [name, entries.get(name)!]))
  const digest = digestOfJson(files)
  return { path, logicalName: '', digest, content: contentOfFolder(files, digest) }
}
