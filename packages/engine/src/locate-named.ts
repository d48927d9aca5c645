import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { refusal, type Result } from './diagnostics/result.js'
import { updateReferences } from './fetch-references.js'
import { parsePipelineReference } from './graph/reference.js'
import type { KindDefinition } from './plugin/define.js'
import { onHub } from './plan/references.js'
import { followFrom, type FetchOptions, type OpenOptions } from './prepare.js'
import { findProjectRoot } from './source/project-root.js'
import { readSecrets } from './source/secrets.js'
import { userCache } from './plugin/user-cache.js'

export interface LocateOptions extends Pick<OpenOptions, 'builtIn' | 'env'>, FetchOptions {
  /** A path, `FILE:STAGE.PORT`, or a reference that the kind knows. */
  readonly reference: string
  readonly kind: KindDefinition
}

/** Where lies what was named on a command line; paths are against the current folder. What is outside is fetched as for a run: at the commit that hone.lock has, or gets. */
export async function locateNamed({ reference, kind, builtIn, env = process.env, cancel, onFetch }: LocateOptions): Promise<Result<string>> {
  const cwd = process.cwd()
  const path = resolve(cwd, reference)
  if (existsSync(path)) return found(path)
  const ofPipeline = parsePipelineReference(reference)
  if (ofPipeline) {
    const named = await followFrom(cwd, { builtIn, env })(ofPipeline, { port: kind.id, reference, glob: false, kind, view: undefined })
    return named.type === 'found' ? found(named.artifacts[0]!.path) : refusal(named.code, named.message, named.hint)
  }
  if (/^\w+:/.test(reference)) {
    const projectRoot = findProjectRoot(join(cwd, 'pipeline.yaml'))
    const secrets = readSecrets(projectRoot, env)
    const outside = { cacheDir: userCache(env), env, secretOf: (name: string) => secrets.get(name) }
    const fetched = await updateReferences({ kinds: [kind], reference, locked: true, projectRoot, outside, signal: cancel, onFetch })
    if (!fetched.ok && fetched.diagnostics.every(d => d.code !== 'unknown-reference')) return fetched
    if (fetched.ok) {
      const place = fetched.value[0]?.path
      return place === undefined ? refusal('fetch-failed', `"${reference}" holds no file of the kind ${kind.id}`, 'Look at what files it has.') : found(place)
    }
  }
  const hub = onHub(reference, kind)
  if (hub !== undefined) return refusal('missing-file', `There is no "${reference}"`, `If it is a model of the Hugging Face hub, write ${hub}.`)
  return refusal('missing-file', `There is no "${reference}"`, `Name a folder or a file, PIPELINE.yaml:STAGE.PORT${kind.resolve ? ', or hf:ORG/NAME@REVISION' : ''}.`)
}

const found = (path: string): Result<string> => ({ ok: true, value: path, diagnostics: [] })
