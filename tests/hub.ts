// A model hub on loopback: the two addresses of huggingface.co that hone asks, with the answers that it gives.
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Where the branch `main` of every repository is. */
export const commit = 'a'.repeat(40)

export type HubFiles = Readonly<Record<string, string | Buffer>>

/** True where it has answered in the hub's place. */
export type Answer = (request: IncomingMessage, response: ServerResponse, url: string) => boolean

export interface Hub {
  readonly endpoint: string
  readonly asked: { readonly url: string; readonly authorization: string | undefined; readonly range: string | undefined }[]
}

/** Git's name of a file. */
export const git = (text: string | Buffer): string => createHash('sha1').update(`blob ${Buffer.byteLength(text)}\0`).update(text).digest('hex')

/** The files of a repository as the hub lists them; what is a Buffer is kept as a large file. */
export const siblingsOf = (files: HubFiles) =>
  Object.entries(files).map(([rfilename, content]) => ({
    rfilename,
    size: Buffer.byteLength(content),
    blobId: git(content),
    ...(Buffer.isBuffer(content) && { blobId: 'c'.repeat(40), lfs: { sha256: createHash('sha256').update(content).digest('hex'), size: content.length, pointerSize: 134 } }),
  }))

/** Starts it, for as long as the test's process lives. `before` may answer a request in its place. */
export async function startHub(repositories: Readonly<Record<string, HubFiles>>, before: Answer = () => false): Promise<Hub> {
  const asked: Hub['asked'] = []
  const server = createServer((request, response) => {
    const url = decodeURIComponent(request.url!)
    asked.push({ url, authorization: request.headers.authorization, range: request.headers.range })
    if (before(request, response, url)) return
    const [, listed] = new RegExp(`^/api/models/(.+)/revision/(?:main|${commit})\\?blobs=true$`).exec(url) ?? []
    const [, id, path] = new RegExp(`^/(.+)/resolve/${commit}/(.+)$`).exec(url) ?? []
    const files = repositories[listed ?? id ?? '']
    const content = path === undefined ? undefined : files?.[path]
    if (listed && files) response.setHeader('content-type', 'application/json').end(JSON.stringify({ id: listed, sha: commit, siblings: siblingsOf(files) }))
    else if (content !== undefined) serve(request, response, Buffer.from(content))
    else response.writeHead(404).end('{"error":"not found"}')
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  server.unref()
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

function serve(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  if (from > 0) response.writeHead(206, { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` })
  response.end(bytes.subarray(from))
}
