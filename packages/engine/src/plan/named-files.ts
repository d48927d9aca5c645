import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path'
import { globSync } from 'tinyglobby'
import { digestOfJson } from '../artifacts/digest.js'
import { codeOf, StoreError } from '../artifacts/store-error.js'
import { nearest } from '../diagnostics/suggestion.js'
import type { ArtifactStore, Digest } from '../artifacts/types.js'
import type { InputPort } from '../plugin/define.js'
import { contentOfFolder, filesOfFolder } from './outside-folder.js'
import { findReference, onHub, problem, type References } from './references.js'
import type { NamedArtifact, NamedFiles, Naming } from './types.js'

/** The part of the store that hashes files outside it. */
export type Hashing = Pick<ArtifactStore, 'digestFile' | 'knownDigest'>

/** What tells apart the questions after files that parameters name, so that nodes can share the answers. */
export const namedQuestion = (member: { readonly reference: string; readonly glob: boolean }, name: string, port: InputPort): string =>
  `${name}\0${port.kind.id}\0${port.view ?? ''}\0${member.glob}\0${member.reference}`

/** Finds what a parameter names (a path against the project root, or a reference) and digests it through the store's stat index. */
export async function findNamed(naming: Naming, projectRoot: string, store: Hashing, references?: References): Promise<NamedFiles> {
  const { reference, kind } = naming
  const referred = await findReference(naming, references)
  if (referred && referred.type !== 'place') return referred
  const path = referred ? referred.path : resolve(projectRoot, reference)
  try {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat?.isDirectory()) {
      if (kind.form === 'folder') return found([await folder(path, naming, store)])
      if (naming.glob) return await several(path, reference, filesOfFolder(path), naming, store)
      return problem('unreadable-file', `"${reference}" is a folder; a file is asked for`, 'Name a file.')
    }
    if (stat?.isFile()) {
      const { digest } = await store.digestFile(path)
      // Of a list that may hold patterns, a file keeps the name that it would have by one of them.
      const logicalName = naming.glob ? basename(path) : extname(path).toLowerCase()
      return found([{ path, logicalName, digest, content: { name: logicalName, digest }, ...(naming.glob && { prefix: dirname(reference) }) }])
    }
    if (stat) return problem('unreadable-file', `"${reference}" is neither a file nor a folder`, 'Name a file or a folder.')
    if (naming.glob && /[*?{]/.test(reference)) {
      const { base, rest } = splitGlob(reference)
      const folder = resolve(projectRoot, base)
      const files = globSync(escapeOther(rest), {
        cwd: folder,
        onlyFiles: true,
        expandDirectories: false,
        ignore: ['**/.hone/**', ...(rest.includes('node_modules') ? [] : ['**/node_modules/**'])],
      })
      return await several(folder, base, files.sort(byUnits), naming, store)
    }
  } catch (error) {
    // What is wrong with the store itself is no mistake of the pipeline.
    if (error instanceof StoreError && !error.message.startsWith('Cannot read ')) throw error
    if (!(error instanceof StoreError) && codeOf(error) === undefined) throw error
    return problem('unreadable-file', `"${reference}" cannot be read: ${(error as Error).message}`, 'Check that it is whole and that you may read it.')
  }
  const where = isAbsolute(reference) ? '' : `, looked for in ${projectRoot}`
  return problem('missing-file', `There is no "${reference}"${where}`, whatWasMeant(naming, path, projectRoot))
}

/** A name like it in the same folder, the name of a model on the hub, or where paths start from. */
function whatWasMeant({ reference, kind }: Naming, path: string, projectRoot: string): string {
  const name = basename(path)
  const near = nearest(name, namesIn(dirname(path)).filter(other => !other.startsWith('.') || name.startsWith('.')))
  if (near !== undefined) return `Did you mean "${reference.replace(/[^/]*\/*$/, near)}"?`
  const hub = existsSync(resolve(projectRoot, reference.split('/')[0]!)) ? undefined : onHub(reference, kind)
  if (hub !== undefined) return `If it is a model of the Hugging Face hub, write ${hub}; a path is relative to the project root.`
  return 'Paths are relative to the project root: the nearest folder above the pipeline file with a package.json or hone.yaml.'
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

async function several(base: string, prefix: string, names: readonly string[], naming: Naming, store: Hashing): Promise<NamedFiles> {
  if (names.length === 0) return problem('missing-file', `"${naming.reference}" names no file`, `Nothing below ${base} fits.`)
  const artifacts: NamedArtifact[] = []
  for (const logicalName of names) {
    const path = join(base, logicalName)
    const { digest } = store.knownDigest(path) ?? (await store.digestFile(path))
    artifacts.push({ path, logicalName, digest, content: { name: logicalName, digest }, prefix })
  }
  return found(artifacts)
}

async function folder(path: string, { kind, view }: Naming, store: Hashing): Promise<NamedArtifact> {
  const all = filesOfFolder(path)
  const counting = kind.files ? [...kind.files(all, view)].sort(byUnits) : all
  const files: Record<string, Digest> = {}
  for (const name of counting) files[name] = (store.knownDigest(join(path, name)) ?? (await store.digestFile(join(path, name)))).digest
  const digest = digestOfJson(files)
  return { path, logicalName: '', digest, content: contentOfFolder(files, digest) }
}

// `docs/a/x-*.md` is `docs/a` and `x-*.md`.
export function splitGlob(pattern: string): { base: string; rest: string } {
  const parts = pattern.split('/')
  const magic = parts.findIndex(part => /[*?{]/.test(part))
  const literal = parts.slice(0, magic).join('/')
  return { base: literal === '' && pattern.startsWith('/') ? '/' : literal || '.', rest: parts.slice(magic).join('/') }
}

/** Only `*`, `**`, `?` and `{a,b}` mean something; other signs that the matcher knows are names. */
const escapeOther = (pattern: string): string => pattern.replace(/[[\]()!+@|\\]/g, sign => `\\${sign}`)

const byUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const found = (artifacts: readonly NamedArtifact[]): NamedFiles => ({ type: 'found', artifacts })
