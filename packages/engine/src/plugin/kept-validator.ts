// What ajv made of a plugin's schema, kept beside the compiled bundles: a command that finds nothing to do need then not load ajv at all.
import { join } from 'node:path'
import type { ValidateFunction } from 'ajv'
import { sha256 } from '../artifacts/digest.js'
import { compiledFolder, keepCompiled, keepsCompiled, readCompiled } from './load-compiled.js'
import type { JsonSchema } from './define.js'
import { ajvVersion, runtimeOfAjv } from './json-schema.js'

/** Raised when schemas are compiled with other options. */
const making = 1

interface Place {
  readonly file: string
  /** Of the schema as it is written, as ajv goes by the order of its keys, and of what compiles it. */
  readonly digest: string
}

function placeOf(schema: JsonSchema): Place | undefined {
  if (!keepsCompiled()) return undefined
  try {
    const digest = sha256(`${making} ${ajvVersion()} ${JSON.stringify(schema)}`)
    return { file: join(compiledFolder(), `schema-${digest.slice(0, 32)}.bin`), digest }
  } catch {
    // A user without a home, or a schema that is no JSON.
    return undefined
  }
}

/** Undefined where nothing was kept, or nothing whole. */
export function keptValidator(schema: JsonSchema): ValidateFunction | undefined {
  const place = placeOf(schema)
  const kept = place && readCompiled(place.file, place.digest)
  if (!kept) return undefined
  const module = { exports: undefined as unknown }
  new Function('module', 'require', kept.code.toString('utf8'))(module, runtimeOfAjv)
  return module.exports as ValidateFunction
}

/** `standalone` gives the text of a CommonJS module whose export is the validator. One that asks for more of ajv than is at hand is not kept. */
export function keepValidator(schema: JsonSchema, standalone: () => string): void {
  const place = placeOf(schema)
  if (!place) return
  const text = standalone()
  const asked = [...text.matchAll(/\brequire\("([^"]*)"\)/g)].map(([, name]) => name!)
  if (asked.every(name => runtimeOfAjv(name) !== undefined)) keepCompiled(place.file, place.digest, { roles: [], code: Buffer.from(text) })
}
