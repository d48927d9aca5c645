import type { StageEvent, StageRequest, StageResult } from './request.js'

/** What a local child or worker is told. */
export type ToStage = { readonly type: 'run'; readonly request: StageRequest; readonly env: Readonly<Record<string, string>>; readonly mark: string } | { readonly type: 'cancel' }

/** What it tells. `rss` is the memory of its process in bytes, by which a child is given up when it has grown too large; `marked`: its streams end with the mark. */
export type FromStage =
  | { readonly type: 'event'; readonly event: StageEvent }
  | { readonly type: 'result'; readonly result: StageResult; readonly rss: number; readonly marked: boolean }
