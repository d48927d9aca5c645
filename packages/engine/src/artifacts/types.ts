/** SHA-256 as 64 lower-case hex digits. */
export type Digest = string & { readonly __brand: 'Digest' }

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** One file of a folder: its path with `/` between the parts, relative to the folder. */
export interface ManifestEntry {
  readonly path: string
  readonly digest: Digest
  readonly bytes: number
}

/** What a stage left at one output port. `digest` is the file's SHA-256, or that of the folder's canonical manifest. */
export interface OutputRecord {
  readonly kind: string
  readonly form: 'file' | 'folder'
  readonly digest: Digest
  readonly bytes: number
}

/** A named part of a stage's key. `why` is a diff of these, so a value is readable: a digest, or short canonical JSON. */
export interface Component {
  readonly name: string
  readonly value: Json
}

/** The record of a finished stage, found by its key: `actions/ab/<key>.json`. */
export interface ActionRecord {
  readonly schema: 1
  readonly key: Digest
  /** The key of all components but those of the ports and the computing engine. */
  readonly staticKey: Digest
  readonly uses: string
  readonly components: readonly Component[]
  readonly outputs: Readonly<Record<string, OutputRecord>>
  readonly metrics: Readonly<Record<string, number>>
  readonly determinism: 'bytes' | 'platform' | 'none'
  /** For `platform` stages: what computed it, for example `onnx 1.30.0 x64`. */
  readonly computedBy?: string
  readonly run: string
  /** The pipeline file, relative to the project root with `/`. */
  readonly pipeline?: string
  readonly node: string
  readonly finishedAt: string
  readonly durationMs: number
  /** Set when a user adopted an older result under this key. */
  readonly adoptedFrom?: Digest
}

/** The content-addressed store beneath `.hone/`. Every method may throw `StoreError` (full or read-only disk, newer version). */
export interface ArtifactStore {
  readonly root: string
  /**
   * The record of `key`, if there and every object that it lists is there with its recorded size, and unchanged by its stat. `isLikely` makes a hit
   * cheaper and a miss dearer.
   */
  lookup(key: Digest, options?: { readonly isLikely?: boolean }): ActionRecord | undefined | Promise<ActionRecord | undefined>
  /** All intact records that share a static key, newest first. */
  lookupStatic(staticKey: Digest): Promise<readonly ActionRecord[]>
  /** The record of `key` as it was written, whether or not its objects are still there: for `why` and for expected times. */
  recordOf(key: Digest): ActionRecord | undefined
  /** The key that each node of a pipeline (its file, relative to the project root) had when it last ran or hit. */
  lastKeys(pipeline: string): ReadonlyMap<string, Digest>
  /** Notes the key of a node after it ran or hit; cheap where nothing changed, and kept over a kill. */
  remember(pipeline: string, node: string, key: Digest): void
  /** Moves what stands at `path` (a file or a folder) into the objects and answers what it was. The path is gone afterwards. */
  ingest(path: string, kind: string, form: 'file' | 'folder'): Promise<OutputRecord>
  /** Publishes a record; the first of two wins and is returned. `replace` is for a forced rerun. */
  publish(record: ActionRecord, options?: { replace?: boolean }): Promise<ActionRecord>
  /** Where an object can be opened in place, read-only: a file, or a folder with its real names. */
  pathOf(output: OutputRecord): string
  /** The entries of a folder, sorted by path; of a file one entry with the path ''. */
  entries(output: OutputRecord): Promise<readonly ManifestEntry[]>
  /** SHA-256 of a file outside the store, through the stat index. Throws ENOENT and EISDIR as node does. */
  digestFile(path: string): Promise<{ digest: Digest; bytes: number }>
  /** The same without reading the file: undefined where the stat index does not know it as it stands. */
  knownDigest(path: string): { digest: Digest; bytes: number } | undefined
  /** A fresh attempt folder for a key: `work/<key>/attempt-<n>`, and the key's scratch beside it; `isNew` where that was not there before. */
  attempt(key: Digest): Promise<{ dir: string; scratch: string; isNew: boolean }>
  /**
   * Drops the work folder of a key. `keepScratch` for a resumable stage that failed. `mayReuse`: empty, it may become the work folder of another key; only
   * after what can have left no process in it.
   */
  clean(key: Digest, options?: { keepScratch?: boolean; mayReuse?: boolean }): Promise<void>
  /** Waits for the lock of a key. `onWait` is called once with the holder while another process holds it. */
  lock(key: Digest, options: { signal: AbortSignal; node?: string; onWait?: (holder: LockHolder) => void }): Promise<{ release(): Promise<void> }>
  /**
   * Checks that an object (a file, or every file of a folder and that none was added) is unchanged since it was stored, hashing only
   * what its stat says may have changed; moves a changed one to `quarantine/`, which makes its producer a miss. Call it before and after a
   * stage reads an input.
   */
  verifyUnchanged(output: OutputRecord): Promise<boolean>
  close(): Promise<void>
}

export interface LockHolder {
  readonly pid: number
  readonly host: string
  readonly since: string
  readonly node?: string
}
