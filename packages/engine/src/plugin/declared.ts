import type { Determinism } from './define.js'

/** What is wrong with what a definition says, as it is or by a function when parameters are known. */

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

export function* portFaults(side: 'inputs' | 'outputs', ports: unknown): Generator<string> {
  if (!isObject(ports)) yield `"${side}" must name the ports`
  else for (const [port, value] of Object.entries(ports)) {
    const kind = isObject(value) && value['kind']
    if (!isObject(kind) || typeof kind['id'] !== 'string') yield `${side}.${port} must be { kind: … }, with a kind of defineKind or of hone-plugins`
  }
}

const determinisms: readonly unknown[] = ['bytes', 'platform', 'none'] satisfies Determinism[]
export const determinismFault = (value: unknown): string | undefined => (determinisms.includes(value) ? undefined : `"determinism" must be 'bytes', 'platform' or 'none'`)
