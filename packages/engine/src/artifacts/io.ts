import * as nodeFs from 'node:fs'

/** The effects of the store: tests replace single functions to fill the disk or to move the clock. */
export interface StoreIo {
  readonly fs: typeof nodeFs
  nowMs(): number
}

export const realIo: StoreIo = { fs: nodeFs, nowMs: () => Date.now() }
