import { createRequire } from 'node:module'
import type { Alias, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml'

let loaded: typeof import('yaml') | undefined

/** The yaml package, loaded when the first text is parsed: what was read before needs none of it. In a build it lies beside as one file. */
export const loadYaml = (): typeof import('yaml') => (loaded ??= createRequire(import.meta.url)('yaml') as typeof import('yaml'))

export const isAlias = (node: unknown): node is Alias => loadYaml().isAlias(node)
export const isMap = (node: unknown): node is YAMLMap => loadYaml().isMap(node)
export const isPair = (node: unknown): node is Pair => loadYaml().isPair(node)
export const isScalar = (node: unknown): node is Scalar => loadYaml().isScalar(node)
export const isSeq = (node: unknown): node is YAMLSeq => loadYaml().isSeq(node)
