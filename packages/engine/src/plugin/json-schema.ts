import { createRequire } from 'node:module'

/** ajv for JSON Schema 2020-12. Loading it takes as long as planning a small pipeline, so it is asked for where it is needed; in a build it lies beside as one file. */
export const loadAjv = (): typeof import('ajv/dist/2020.js').Ajv2020 => {
  const { Ajv2020 } = createRequire(import.meta.url)('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js')
  return Ajv2020
}
