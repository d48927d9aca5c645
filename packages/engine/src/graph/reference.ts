import { didYouMean } from '../diagnostics/suggestion.js'
import type { Scalar } from './graph.js'

/** `stage`, `stage.port` or `stage[axis=value].port`, taken apart. */
export interface PortReference {
  readonly stage: string
  /** Axis → value as written, without quotes. */
  readonly member: Readonly<Record<string, string>> | undefined
  readonly port: string | undefined
}

/** `FILE:STAGE.PORT`: what a stage of another pipeline made. */
export interface PipelineReference extends PortReference {
  /** As written: against the project root. */
  readonly file: string
}

const form = /^([^.[\]\s]+)\s*(?:\[(.*)\])?\s*(?:\.([^.[\]\s]+))?$/
const pair = /\s*([A-Za-z_][A-Za-z0-9_-]*)\s*=\s*("(?:[^"\\]|\\.)*"|[^,"\]]*?)\s*(?:,|$)/y

/** Undefined where the text is not of that form. */
export function parseReference(text: string): PortReference | undefined {
  const match = form.exec(text)
  if (!match) return undefined
  const [, stage, inside, port] = match
  if (inside === undefined) return { stage: stage!, member: undefined, port }
  const member: Record<string, string> = {}
  pair.lastIndex = 0
  while (pair.lastIndex < inside.length) {
    const part = pair.exec(inside)
    if (!part) return undefined
    try {
      member[part[1]!] = part[2]!.startsWith('"') ? (JSON.parse(part[2]!) as string) : part[2]!
    } catch {
      return undefined
    }
  }
  return Object.keys(member).length > 0 ? { stage: stage!, member, port } : undefined
}

/** Undefined where the text does not name a stage of a YAML file. */
export function parsePipelineReference(text: string): PipelineReference | undefined {
  const match = /^(.+\.ya?ml):([^/\\]+)$/.exec(text)
  const reference = match && parseReference(match[2]!)
  return reference ? { ...reference, file: match![1]! } : undefined
}

/** A value of an axis as it stands in a node's id: texts that could be mistaken for something else are quoted. */
export function axisValue(value: Scalar): string {
  if (typeof value !== 'string') return String(value)
  const isPlain = /^[^\s,="[\]]+$/.test(value) && !/^(?:true|false|-?[\d.].*)$/.test(value)
  return isPlain ? value : JSON.stringify(value)
}

/** `rank=8,seed=1`. */
export function labelText(labels: Readonly<Record<string, Scalar>>): string {
  let text = ''
  for (const axis in labels) text += `${text && ','}${axis}=${axisValue(labels[axis]!)}`
  return text
}

interface Member {
  readonly id: string
  readonly labels: Readonly<Record<string, Scalar>>
}

/** Of the nodes of a stage those that a reference means: with each value that it writes, whatever other axes they have. Else why there are none. */
export function membersMeant<N extends Member>({ stage, member, port }: PortReference, nodes: readonly N[]): { readonly nodes: readonly N[] } | { readonly problem: string; readonly hint: string | undefined } {
  if (!member) return { nodes }
  const wanted = Object.entries(member)
  const axes = [...new Set(nodes.flatMap(node => Object.keys(node.labels)))]
  const unknown = wanted.find(([axis]) => !axes.includes(axis))?.[0]
  if (unknown !== undefined) {
    return { problem: `"${stage}" has no axis "${unknown}".`, hint: axes.length > 0 ? didYouMean(unknown, axes, 'Its axes are') : `It is one node: write ${stage}${port === undefined ? '' : `.${port}`}.` }
  }
  // A text needs its quotes only where it must.
  const found = nodes.filter(({ labels }) => wanted.every(([axis, value]) => axis in labels && String(labels[axis]) === value))
  if (found.length > 0) return { nodes: found }
  const shown = nodes.slice(0, 8).map(node => node.id)
  return { problem: `"${stage}" has no member ${wanted.map(([axis, value]) => `${axis}=${value}`).join(',')}.`, hint: `There ${nodes.length === 1 ? 'is' : 'are'} ${shown.join(', ')}${nodes.length > shown.length ? ` and ${nodes.length - shown.length} more` : ''}.` }
}

/** The same where a node's own name is written: that one alone, though others have its axes and more. */
export function nodesMeant<N extends Member>(reference: PortReference, nodes: readonly N[]): ReturnType<typeof membersMeant<N>> {
  const meant = membersMeant(reference, nodes)
  const itself = reference.member && 'nodes' in meant && meant.nodes.find(({ labels }) => Object.keys(labels).length === Object.keys(reference.member!).length)
  return itself ? { nodes: [itself] } : meant
}
