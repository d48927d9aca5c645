import { createRequire } from 'node:module'

// In a build each of these lies beside as one file, or is part of the bundle (scripts/build.mjs).

/** ajv for JSON Schema 2020-12. Loading it takes as long as planning a small pipeline, so it is asked for where it is needed. */
export const loadAjv = (): typeof import('ajv/dist/2020.js').Ajv2020 => {
  const { Ajv2020 } = createRequire(import.meta.url)('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js')
  return Ajv2020
}

/** Makes modules of what ajv compiled. */
export const loadStandalone = (): typeof import('ajv/dist/standalone/index.js').default =>
  (createRequire(import.meta.url)('ajv/dist/standalone/index.js') as typeof import('ajv/dist/standalone/index.js')).default

export const ajvVersion = (): string => (createRequire(import.meta.url)('ajv/package.json') as { version: string }).version

/** What such modules ask for; undefined for what only ajv itself has. */
export const runtimeOfAjv = (name: string): unknown => {
  if (name === 'ajv/dist/runtime/ucs2length') return createRequire(import.meta.url)('ajv/dist/runtime/ucs2length.js')
  if (name === 'ajv/dist/runtime/equal') return createRequire(import.meta.url)('ajv/dist/runtime/equal.js')
  return undefined
}
