import type { Collector } from '../diagnostics/collector.js'
import type { SourceRange } from '../diagnostics/diagnostic.js'
import { didYouMean } from '../diagnostics/suggestion.js'
import type { InputPort, KindDefinition, OutputPorts, StageDefinition } from '../plugin/define.js'
import { possibleOutputs } from '../plugin/possible-ports.js'
import type { Registry } from '../plugin/registry.js'

/** Whether what one stage gives may come in where a kind is asked for. */
export const fits = (asked: KindDefinition, given: KindDefinition): boolean => asked.id === given.id || (asked.accepts?.some(id => id === '*' || id === given.id) ?? false)

/** Which stages could feed a port, for those who have none of them yet. */
export function giversOf(kind: KindDefinition, registry: Registry): string | undefined {
  const exactly = registry.stages.filter(({ definition }) => Object.values(possibleOutputs(definition).ports).some(port => port.kind.id === kind.id)).map(({ definition }) => definition.id)
  return exactly.length === 0 ? undefined : `What gives ${kind.id}: ${exactly.join(', ')}.`
}

/** Where a reference stands, for messages. */
export interface PortUse {
  readonly port: string
  readonly of: InputPort
  readonly stage: string
  /** As written after the dot; undefined for a bare stage. */
  readonly named: string | undefined
  readonly range: SourceRange
  /** Of the stage that it names, and what there is beside: for the hints. */
  readonly definition: StageDefinition
  readonly registry: Registry
}

/**
 * The output that a reference means. A bare stage is its output named as the port, else its only output whose kind fits;
 * undefined, with an error, where that is none or several.
 */
export function chooseOutput(outputs: OutputPorts, { port, of, stage, named, range, definition, registry }: PortUse, collector: Collector): string | undefined {
  const names = Object.keys(outputs)
  const asked = of.kind.id === 'any' ? 'anything' : `"${of.kind.id}"`
  const listed = names.map(name => `${name} (${outputs[name]!.kind.id})`).join(', ')
  if (named !== undefined) {
    if (!Object.hasOwn(outputs, named)) {
      const elsewhere = Object.hasOwn(possibleOutputs(definition).ports, named) ? `Its outputs are ${names.join(', ')}; with other parameters it also gives ${named}: \`hone stages ${definition.id}\`.` : undefined
      collector.error('unknown-port', range, `"${stage}" has no output "${named}".`, { hint: elsewhere ?? didYouMean(named, names, 'Its outputs are') ?? 'It has no outputs.' })
      return undefined
    }
    const kind = outputs[named]!.kind
    if (fits(of.kind, kind)) return named
    const better = names.filter(name => fits(of.kind, outputs[name]!.kind))
    collector.error('kind-mismatch', range, `"${port}" takes ${asked}; "${stage}.${named}" is "${kind.id}".`, { hint: better.length > 0 ? `What fits is ${better.map(name => `${stage}.${name}`).join(' or ')}.` : giversOf(of.kind, registry) })
    return undefined
  }
  if (Object.hasOwn(outputs, port) && fits(of.kind, outputs[port]!.kind)) return port
  const fitting = names.filter(name => fits(of.kind, outputs[name]!.kind))
  if (fitting.length === 1) return fitting[0]
  if (fitting.length > 1) {
    collector.error('ambiguous-output', range, `"${stage}" has several outputs that fit "${port}".`, { hint: `Write ${fitting.map(name => `${stage}.${name}`).join(' or ')}.` })
  } else {
    collector.error('kind-mismatch', range, `"${port}" takes ${asked}; "${stage}" gives none.`, { hint: [names.length > 0 ? `It gives ${listed}.` : 'It has no outputs.', giversOf(of.kind, registry)].filter(Boolean).join(' ') })
  }
  return undefined
}
