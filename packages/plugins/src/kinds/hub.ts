import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ReferenceProblem, type KindDefinition, type OutsideContext, type OutsideReference } from 'hone-engine'

/** A file of a repository of the model hub at one commit, with the digest that the hub knows it by: git's of small files, SHA-256 of large ones. */
export interface HubFile {
  readonly path: string
  readonly size: number
  readonly digest: { readonly algorithm: 'git-sha1' | 'sha256'; readonly hex: string }
}

export interface HubRepository {
  /** `org/name`. */
  readonly id: string
  /** A branch, a tag or a commit. */
  readonly revision: string
  readonly reference: string
}

/** Where a repository lies in the user's cache: `blobs` by digest, and a folder of hard links a commit, with what the hub lists at that commit beside it. */
export interface HubPlaces {
  readonly blobs: string
  readonly folder: string
  readonly listing: string
}

const form = /^hf:([A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?)(?:@(\S+))?$/
const commit = /^[0-9a-f]{40}$/

/** Undefined where a text does not begin with `hf:`. */
export function parseHubReference(reference: string): HubRepository | undefined {
  if (!reference.startsWith('hf:')) return undefined
  const [, id, revision = 'main'] = form.exec(reference) ?? []
  if (id === undefined) throw new ReferenceProblem(`"${reference}" is no reference to the model hub`, 'Write hf:ORG/NAME@REVISION, for example hf:HuggingFaceTB/SmolLM2-135M-Instruct@main.')
  return { id, revision, reference }
}

export function hubPlaces(cacheDir: string, id: string, pin: string): HubPlaces {
  if (!commit.test(pin)) throw new ReferenceProblem(`hone.lock has "${pin}" for ${id}, which is no commit`, `Resolve it anew: hone update`)
  const repository = join(cacheDir, 'hub', `models--${id.replaceAll('/', '--')}`)
  return { blobs: join(repository, 'blobs'), folder: join(repository, 'commits', pin), listing: join(repository, 'commits', `${pin}.json`) }
}

/** What the hub lists at a commit, as it was kept when it was asked; undefined where it was not. */
export function readListing(path: string): readonly HubFile[] | undefined {
  if (!existsSync(path)) return undefined
  return (JSON.parse(readFileSync(path, 'utf8')) as { files: readonly HubFile[] }).files
}

type Files = NonNullable<KindDefinition['files']>

/** Those files of a listing that count for a kind. */
export function countingFiles(listing: readonly HubFile[], files: Files, view: string | undefined): readonly HubFile[] {
  const counting = new Set(files(listing.map(f => f.path), view))
  return listing.filter(f => counting.has(f.path))
}

export const isPresent = (folder: string, { path, size }: HubFile): boolean => statSync(join(folder, path), { throwIfNoEntry: false })?.size === size

/** How a kind that is a folder of files resolves `hf:org/name@revision`: to a commit, and to those files of it that count for the kind. */
export const onHub = (files: Files) => (reference: string): OutsideReference | undefined => {
  const repository = parseHubReference(reference)
  if (!repository) return undefined
  return {
    ...(commit.test(repository.revision) && { pin: repository.revision }),
    ask: async context => (await import('./hub-fetch.js')).commitOf(repository, context),
    fetch: async (pin, view, context) => (await import('./hub-fetch.js')).fetchFiles(repository, pin, files, view, context),
    find: (pin, view, { cacheDir }: OutsideContext) => {
      const { folder, listing } = hubPlaces(cacheDir, repository.id, pin)
      if (!existsSync(folder)) return undefined
      const listed = readListing(listing)
      // Without a listing somebody placed the folder there by hand; its headers are checked like those of any model.
      if (!listed) return readdirSync(folder).length > 0 ? folder : undefined
      const counting = countingFiles(listed, files, view)
      return counting.length > 0 && counting.every(file => isPresent(folder, file)) ? folder : undefined
    },
  }
}
