import type { Memo } from '../plugin/define.js'
import type { Json } from '../artifacts/types.js'
import type { StageRequest } from './request.js'

/** The row memo of a stage; one that keeps nothing where the stage's code has no digest. */
export async function openStageMemo(_request: StageRequest): Promise<Memo> {
  return memoWithoutCache
}

export const memoWithoutCache: Memo = {
  async *map<In extends Json, Out extends Json>(
    rows: AsyncIterable<In> | Iterable<In>,
    { chunk = 1 }: { salt: Json; chunk?: number },
    fn: (rows: readonly In[]) => Promise<readonly Out[]> | readonly Out[],
  ) {
    let batch: In[] = []
    for await (const row of rows) {
      batch.push(row)
      if (batch.length < chunk) continue
      yield* await fn(batch)
      batch = []
    }
    if (batch.length > 0) yield* await fn(batch)
  },
}
