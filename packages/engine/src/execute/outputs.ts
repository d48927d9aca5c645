import { mkdirSync, readdirSync, statSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import type { ArtifactStore, OutputRecord } from '../artifacts/types.js'
import type { Failure } from '../events/event.js'
import type { OutputPorts } from '../plugin/define.js'
import type { StageRequest } from './request.js'

/** Where each output of an attempt is to be written; folders are made. */
export function prepareOutputs(dir: string, ports: OutputPorts): StageRequest['outputs'] {
  const outputs: Record<string, StageRequest['outputs'][string]> = {}
  for (const [port, { kind, optional }] of Object.entries(ports)) {
    const path = join(dir, kind.form === 'file' && kind.extension ? `${port}.${kind.extension}` : port)
    if (kind.form === 'folder') mkdirSync(path, { recursive: true })
    outputs[port] = { kind: kind.id, form: kind.form, path, optional: optional === true }
  }
  return outputs
}

const wrong = (message: string, hint?: string): Failure => ({ reason: 'outputs', message, final: true, ...(hint && { hint }) })

/** Holds what a stage left to what it declared. Answers the ports that are there, or what is wrong. */
export function checkOutputs(dir: string, outputs: StageRequest['outputs'], ports: OutputPorts): { present: readonly string[] } | Failure {
  const declared = new Map(Object.entries(outputs).map(([port, { path }]) => [path, port]))
  const undeclared = readdirSync(dir).filter(name => !declared.has(join(dir, name))).sort()
  if (undeclared.length > 0) {
    return wrong(`wrote ${undeclared.map(n => `"${n}"`).join(', ')}, which is no output of the stage`, 'Write to the paths of `outputs`, or keep what is only needed meanwhile in `scratch`.')
  }
  const present: string[] = []
  for (const [port, { path, form, optional }] of Object.entries(outputs)) {
    const found = whatIs(path)
    if (found && (form === 'folder') !== found.isDirectory()) return wrong(`wrote a ${found.isDirectory() ? 'folder' : 'file'} as the output "${port}", which is a ${form}`)
    const hasRows = ports[port]?.kind.rows !== undefined
    const isThere = found && (form === 'folder' ? readdirSync(path).length > 0 : !hasRows || found.size > 0)
    if (isThere) present.push(port)
    else if (!optional) return wrong(hasRows ? `left no row in the output "${port}"` : `left nothing in the output "${port}"`)
  }
  return { present }
}

/** Undefined also of what leads nowhere, such as a link to itself. */
function whatIs(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** Moves the outputs that are there into the store. */
export async function ingestOutputs(store: ArtifactStore, outputs: StageRequest['outputs'], present: readonly string[]): Promise<Record<string, OutputRecord>> {
  const records: Record<string, OutputRecord> = {}
  for (const port of present) {
    const { path, kind, form } = outputs[port]!
    records[port] = await store.ingest(path, kind, form)
  }
  return records
}
