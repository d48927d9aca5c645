import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ReferenceProblem, type FetchContext, type KindDefinition } from 'hone-engine'
import { download, isOfDisk, unfinishedOf } from './hub-download.js'
import { countingFiles, hubPlaces, isPresent, readListing, type HubFile, type HubRepository } from './hub.js'

type Files = NonNullable<KindDefinition['files']>

interface Info {
  readonly commit: string
  readonly files: readonly HubFile[]
}

/** The hub's address without a slash at its end: `HF_ENDPOINT`, else https://huggingface.co. */
export function endpointOf(env: FetchContext['env']): string {
  const text = env['HF_ENDPOINT'] || 'https://huggingface.co'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) throw new ReferenceProblem('HF_ENDPOINT is no http or https address without user and password', 'Write for example HF_ENDPOINT=https://huggingface.co.')
  return text.replace(/\/+$/, '')
}

/** `authorization` goes to the hub alone: fetch drops it when it is redirected to another origin. */
export function headersOf({ env, secretOf }: Pick<FetchContext, 'env' | 'secretOf'>): Record<string, string> {
  const token = secretOf('HF_TOKEN') || env['HF_TOKEN']
  return { 'user-agent': 'hone', 'accept-encoding': 'identity', ...(token && { authorization: `Bearer ${token}` }) }
}

/** The commit that a branch or tag of a repository is at now. */
export async function commitOf(repository: HubRepository, context: FetchContext): Promise<string> {
  return (await infoOf(repository, repository.revision, context)).commit
}

/**
 * Brings the files of a kind at a commit into the user's cache and answers their folder; undefined where there are none. What is whole already is not fetched again, what was
 * broken off goes on, and nothing stands in the folder whose size and digest are not the hub's.
 */
export async function fetchFiles(repository: HubRepository, pin: string, files: Files, view: string | undefined, context: FetchContext): Promise<string | undefined> {
  try {
    return await bring(repository, pin, files, view, context)
  } catch (error) {
    if (isOfDisk(error)) throw new ReferenceProblem(`cannot write to the cache: ${(error as Error).message}`, `Make room in ${context.cacheDir}, or name another folder by HONE_CACHE.`)
    throw error
  }
}

async function bring(repository: HubRepository, pin: string, files: Files, view: string | undefined, context: FetchContext): Promise<string | undefined> {
  const { id } = repository
  const at = hubPlaces(context.cacheDir, id, pin)
  const listing = readListing(at.listing) ?? (await keepListing(repository, pin, at.listing, context))
  const counting = countingFiles(listing, files, view)
  if (counting.length === 0) return undefined
  const missing = counting.filter(file => !isPresent(at.folder, file))
  const total = missing.reduce((sum, f) => sum + f.size, 0)
  let before = 0
  mkdirSync(at.blobs, { recursive: true })
  context.progress(0, total)
  for (const file of missing) {
    context.signal.throwIfAborted()
    const blob = join(at.blobs, file.digest.hex)
    if (statSync(blob, { throwIfNoEntry: false })?.size !== file.size) {
      const unfinished = unfinishedOf(blob)
      const url = `${endpointOf(context.env)}/${id}/resolve/${pin}/${file.path.split('/').map(encodeURIComponent).join('/')}`
      const so = before
      await download({ url, file, to: unfinished, headers: headersOf(context), signal: context.signal, onBytes: done => context.progress(so + done, total), refused: refusal(repository, context, at.folder) })
      chmodSync(unfinished, 0o444)
      renameSync(unfinished, blob)
    }
    place(blob, join(at.folder, file.path))
    before += file.size
    context.progress(before, total)
  }
  return at.folder
}

/** Hard-linked under its name; copied where the file system has no links. */
function place(blob: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  const fresh = `${to}.${process.pid}`
  rmSync(fresh, { force: true })
  try {
    linkSync(blob, fresh)
  } catch {
    copyFileSync(blob, fresh)
  }
  renameSync(fresh, to)
  // Renaming a link over another of the same file does nothing at all.
  rmSync(fresh, { force: true })
}

async function keepListing(repository: HubRepository, pin: string, path: string, context: FetchContext): Promise<readonly HubFile[]> {
  const { commit, files } = await infoOf(repository, pin, context)
  if (commit !== pin) throw new ReferenceProblem(`the hub answers with the commit ${commit} when it is asked for ${pin}`, 'See what HF_ENDPOINT is.')
  mkdirSync(dirname(path), { recursive: true })
  // Before the first file: a folder without it counts as placed by hand.
  if (existsSync(path)) return files
  writeFileSync(`${path}.${process.pid}`, JSON.stringify({ files }))
  renameSync(`${path}.${process.pid}`, path)
  return files
}

async function infoOf(repository: HubRepository, revision: string, context: FetchContext): Promise<Info> {
  const { id } = repository
  const url = `${endpointOf(context.env)}/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`
  const refused = refusal(repository, context, undefined)
  const timeout = AbortSignal.timeout(60_000)
  let response: Response
  let body: unknown
  try {
    response = await fetch(url, { headers: headersOf(context), signal: AbortSignal.any([context.signal, timeout]) })
    body = response.ok ? await response.json() : undefined
  } catch (error) {
    context.signal.throwIfAborted()
    throw error instanceof SyntaxError ? new ReferenceProblem('the hub does not answer with JSON', 'See what HF_ENDPOINT is.') : refused(error)
  }
  if (!response.ok) throw refused(response)
  const info = parseInfo(body)
  if (!info) throw new ReferenceProblem('the hub answers with something else than the files of a repository', 'See what HF_ENDPOINT is.')
  return info
}

interface Sibling {
  readonly rfilename?: unknown
  readonly size?: unknown
  readonly blobId?: unknown
  readonly lfs?: { readonly sha256?: unknown; readonly size?: unknown } | null
}

/** Of the hub's answer what is needed; names that would lead out of a folder are left out. */
function parseInfo(body: unknown): Info | undefined {
  const { sha, siblings } = (typeof body === 'object' && body !== null ? body : {}) as { sha?: unknown; siblings?: unknown }
  if (typeof sha !== 'string' || !/^[0-9a-f]{40}$/.test(sha) || !Array.isArray(siblings)) return undefined
  const files = (siblings as Sibling[]).flatMap(({ rfilename, size, blobId, lfs }): HubFile[] => {
    if (typeof rfilename !== 'string' || rfilename.split('/').some(part => part === '' || part === '.' || part === '..') || /[\\:\0]/.test(rfilename)) return []
    if (lfs && typeof lfs.sha256 === 'string' && /^[0-9a-f]{64}$/.test(lfs.sha256) && isSize(lfs.size)) return [{ path: rfilename, size: lfs.size, digest: { algorithm: 'sha256', hex: lfs.sha256 } }]
    if (!lfs && typeof blobId === 'string' && /^[0-9a-f]{40}$/.test(blobId) && isSize(size)) return [{ path: rfilename, size, digest: { algorithm: 'git-sha1', hex: blobId } }]
    return []
  })
  return { commit: sha, files }
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** What to say where the hub cannot be reached (an error) or refuses (a response). No message holds a header. */
function refusal({ id, revision, reference }: HubRepository, context: FetchContext, folder: string | undefined): (why: unknown) => ReferenceProblem {
  const endpoint = endpointOf(context.env)
  const host = new URL(endpoint).host
  const page = `${endpoint}/${id}`
  return why => {
    if (why instanceof Response) {
      const hasToken = headersOf(context).authorization !== undefined
      if (why.status === 401 || why.status === 403) {
        return new ReferenceProblem(
          `${host} gives no access to ${id} (${why.status}${hasToken ? ', though a token was sent' : ''}): it does not exist, is private, or its terms must be accepted`,
          hasToken ? `Look at ${page} with the account of the token.` : `Look at ${page}, and set HONE_SECRET_HF_TOKEN (or HF_TOKEN) to a token that may read it.`,
        )
      }
      if (why.status === 404) return new ReferenceProblem(`${host} has no ${id} at "${revision}" (404)`, `Look at ${page}; a revision is a branch, a tag or a commit.`)
      return new ReferenceProblem(`${host} answers ${why.status} ${why.statusText}`.trimEnd(), 'Try again later.')
    }
    const cause = (why as { cause?: { code?: string; message?: string } }).cause
    const detail = cause?.code ?? cause?.message ?? (why as Error).message
    return new ReferenceProblem(
      `${host} cannot be reached (${detail})`,
      `Without network: take the files of ${page} from elsewhere, and ${folder === undefined ? `name their folder in place of ${reference}` : `place them in ${folder}, or name their folder in place of ${reference}`}. HF_ENDPOINT names a mirror.`,
    )
  }
}
