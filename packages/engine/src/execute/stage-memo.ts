import { openMemo, resultsOf } from '../artifacts/memo.js'
import type { Json } from '../artifacts/types.js'
import type { Memo } from '../plugin/define.js'
import type { StageRequest } from './request.js'

/** The row memo of a stage; one that keeps nothing where the stage's code has no digest. */
export function openStageMemo({ memoRoot, memoDigest }: StageRequest, signal: AbortSignal): Memo & { close(): void } {
  return memoDigest === undefined ? memoWithoutCache : openMemo({ root: memoRoot, digest: memoDigest, signal })
}

const memoWithoutCache: Memo & { close(): void } = {
  async *map<In extends Json, Out extends Json>(
    rows: AsyncIterable<In> | Iterable<In>,
    { chunk = 1 }: { salt: Json; chunk?: number },
    fn: (rows: readonly In[]) => Promise<readonly Out[]> | readonly Out[],
  ) {
    let batch: In[] = []
    for await (const row of rows) {
      batch.push(row)
      if (batch.length < chunk) continue
      // As read back from JSON, which is what a memo that keeps gives.
      yield* JSON.parse(JSON.stringify(resultsOf(await fn(batch)))) as Out[]
      batch = []
    }
    if (batch.length > 0) yield* JSON.parse(JSON.stringify(resultsOf(await fn(batch)))) as Out[]
  },
  close() {},
}
