import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { jsonFault } from '../diagnostics/json-fault.js'

/** What the package.json in a folder says; an error that names the file where it is no JSON object. */
export function readPackageJson<Manifest extends object>(folder: string): Manifest {
  const file = join(folder, 'package.json')
  const text = readFileSync(file, 'utf8')
  let manifest: unknown
  try {
    manifest = JSON.parse(text)
  } catch (error) {
    throw new Error(`${file} is not JSON: ${jsonFault(error)}`)
  }
  if (typeof manifest !== 'object' || manifest === null) throw new Error(`${file} holds no JSON object`)
  return manifest as Manifest
}
