import { realIo } from './artifacts/io.js'
import { placeProblem, sharedCache } from './artifacts/store-place.js'
import { Collector } from './diagnostics/collector.js'
import { DiagnosticError } from './diagnostics/diagnostic-error.js'
import type { Diagnostic } from './diagnostics/diagnostic.js'
import type { SourceRange } from './diagnostics/diagnostic.js'
import type { Result } from './diagnostics/result.js'
import type { GraphNode } from './graph/graph.js'
import type { References } from './plan/references.js'
import { isReferenceProblem, ReferenceProblem, type FetchContext, type KindDefinition, type OutsideReference } from './plugin/define.js'
import { readLock, writeLock } from './plan/lock-file.js'

/** Told while a reference is fetched: first without bytes, and at the end with `done` equal to `total`. */
export interface FetchProgress {
  readonly reference: string
  /** What hone.lock has, or has now, for it. */
  readonly pin: string
  readonly done: number
  readonly total: number
}

export interface Fetching {
  readonly projectRoot: string
  readonly outside: References['outside']
  readonly signal?: AbortSignal | undefined
  readonly onFetch?: ((progress: FetchProgress) => void) | undefined
}

interface Wanted {
  readonly reference: string
  readonly outside: OutsideReference
  readonly view: string | undefined
}

/** Resolves a reference, unless hone.lock or itself says what it is, and keeps that in hone.lock before a byte is fetched. `move`: asks anew. */
async function pinned({ reference, outside }: Wanted, fetching: Fetching, move: boolean): Promise<string> {
  const known = outside.pin ?? (move ? undefined : readLock(fetching.projectRoot).get(reference))
  if (known !== undefined) return known
  const pin = await outside.ask(contextOf(fetching, () => {}))
  writeLock(fetching.projectRoot, new Map([[reference, pin]]))
  return pin
}

/** Throws where nothing that is fetched could be kept. */
function contextOf({ outside, signal = new AbortController().signal }: Fetching, progress: FetchContext['progress']): FetchContext {
  const noPlace = placeProblem(realIo, outside.cacheDir, sharedCache)
  if (noPlace) throw new ReferenceProblem(noPlace.message, noPlace.hint)
  return { ...outside, signal, progress }
}

async function fetched(wanted: Wanted, pin: string, fetching: Fetching): Promise<string | undefined> {
  const { outside, reference, view } = wanted
  const there = outside.find(pin, view, fetching.outside)
  if (there !== undefined) return there
  return outside.fetch(pin, view, contextOf(fetching, (done, total) => fetching.onFetch?.({ reference, pin, done, total })))
}

function complain(error: unknown, reference: string, range: SourceRange | undefined, collector: Collector, signal: AbortSignal | undefined): void {
  if (signal?.aborted) return collector.error('fetch-failed', range, `Fetching "${reference}" was interrupted`, { hint: 'What came so far is kept: the next run goes on from there.' })
  if (isReferenceProblem(error)) return collector.error('fetch-failed', range, `"${reference}": ${error.message}`, { hint: error.hint })
  if (error instanceof DiagnosticError) return collector.addAll([error.diagnostic])
  throw error
}

/** Fetches what nodes name outside the project, at the places of the YAML for which a plan said that it is not here. */
export async function fetchNamed(nodes: Iterable<GraphNode>, missing: readonly Diagnostic[], fetching: Fetching): Promise<readonly Diagnostic[]> {
  const collector = new Collector()
  const places = new Set(missing.map(d => d.range?.offset))
  const seen = new Set<string>()
  for (const node of nodes) {
    for (const [port, members] of Object.entries(node.inputs)) {
      const of = node.inputPorts[port]
      for (const member of members) {
        if (member.type !== 'files' || !of || !places.has(member.range.offset)) continue
        const question = `${of.kind.id}\0${of.view ?? ''}\0${member.reference}`
        if (seen.has(question)) continue
        seen.add(question)
        try {
          const outside = of.kind.resolve?.(member.reference)
          if (!outside) continue
          const wanted: Wanted = { reference: member.reference, outside, view: of.view }
          const place = await fetched(wanted, await pinned(wanted, fetching, false), fetching)
          if (place === undefined) collector.error('fetch-failed', member.range, `"${member.reference}" holds no file of the kind ${of.kind.id}`, { hint: 'Look at what files it has: of a model, config.json, safetensors and tokenizer.json are wanted; a .gguf file is named by its path.' })
        } catch (error) {
          complain(error, member.reference, member.range, collector, fetching.signal)
          if (fetching.signal?.aborted) return collector.diagnostics
        }
      }
    }
  }
  return collector.diagnostics
}

export interface UpdatedReference {
  readonly reference: string
  /** What hone.lock had; undefined where it had none. */
  readonly before: string | undefined
  readonly now: string
  /** Where it lies; undefined where no kind has a file in it. */
  readonly path: string | undefined
}

export interface UpdateOptions extends Fetching {
  readonly kinds: readonly KindDefinition[]
  /** All of hone.lock unless told. */
  readonly reference?: string | undefined
  /** Fetches what hone.lock says, and moves nothing. */
  readonly locked?: boolean | undefined
}

/** Moves references of hone.lock to what they mean now, and fetches that. */
export async function updateReferences({ kinds, reference, locked = false, ...fetching }: UpdateOptions): Promise<Result<readonly UpdatedReference[]>> {
  const collector = new Collector()
  const updated: UpdatedReference[] = []
  let lock: ReadonlyMap<string, string>
  try {
    lock = readLock(fetching.projectRoot)
  } catch (error) {
    complain(error, reference ?? '', undefined, collector, undefined)
    return { ok: false, diagnostics: collector.diagnostics }
  }
  for (const name of reference === undefined ? lock.keys() : [reference]) {
    try {
      const one = await updateOne(name, kinds, lock.get(name), locked, fetching)
      if (one) updated.push(one)
      else collector.error('unknown-reference', undefined, `No kind knows the reference "${name}"`, { hint: 'Paths and stages of pipelines need no update; a reference to the model hub is hf:ORG/NAME@REVISION.' })
    } catch (error) {
      complain(error, name, undefined, collector, fetching.signal)
      if (fetching.signal?.aborted) break
    }
  }
  return collector.result(() => updated)
}

/** A reference does not say of which kind it is, so each kind that knows it fetches its files; one that finds none of its own is no matter. */
async function updateOne(reference: string, kinds: readonly KindDefinition[], before: string | undefined, locked: boolean, fetching: Fetching): Promise<UpdatedReference | undefined> {
  const known = kinds.flatMap(kind => kind.resolve?.(reference) ?? []).map((outside): Wanted => ({ reference, outside, view: undefined }))
  const [first] = known
  if (!first) return undefined
  const now = await pinned(first, fetching, !locked)
  let path: string | undefined
  for (const wanted of known) path = (await fetched(wanted, now, fetching)) ?? path
  return { reference, before, now, path }
}
