import { setImmediate } from 'node:timers/promises'
import type { Decoder } from './decoder.js'

export interface RowToDecode {
  readonly ids: ArrayLike<number>
  readonly maxNewTokens: number
  /** The next token given the logits [V] and how many the row has so far. */
  choose(logits: Float32Array, step: number): number
  /** Called for each new token but one that ends the row; true ends the row there. */
  accept?(id: number): boolean
}

/** `eos`: the model ended its answer; `length`: maxNewTokens or the end of its context; `stop`: `accept` said so. */
export type EndReason = 'eos' | 'length' | 'stop'

export interface DecodedRow {
  /** The new tokens, without the one that ended the row. */
  readonly ids: readonly number[]
  readonly reason: EndReason
}

export interface DecodeOptions {
  readonly isEnd: (id: number) => boolean
  readonly signal?: AbortSignal
  readonly onRow?: (index: number, row: DecodedRow) => void
}

/**
 * Decodes rows of which each fits the decoder's capacity. A slot whose row has ended takes the next row at once. Throws the
 * signal's reason between two steps.
 */
export async function decodeRows(decoder: Decoder, rows: readonly RowToDecode[], { isEnd, signal, onRow }: DecodeOptions): Promise<DecodedRow[]> {
  const results = new Array<DecodedRow>(rows.length)
  const slots: ({ index: number; ids: number[] } | undefined)[] = new Array(decoder.slots).fill(undefined)
  const tokens = new Int32Array(decoder.slots).fill(-1)
  let next = 0

  const end = (slot: number, index: number, ids: number[], reason: EndReason) => {
    slots[slot] = undefined
    tokens[slot] = -1
    results[index] = { ids, reason }
    onRow?.(index, results[index]!)
  }
  // Takes the token that the logits give and either ends the row or has it fed at the next step.
  const advance = (slot: number, logits: Float32Array) => {
    const { index, ids } = slots[slot]!
    const row = rows[index]!
    const id = row.choose(logits, ids.length)
    if (isEnd(id)) return end(slot, index, ids, 'eos')
    ids.push(id)
    if (row.accept?.(id)) return end(slot, index, ids, 'stop')
    if (ids.length >= row.maxNewTokens || row.ids.length + ids.length >= decoder.capacity) return end(slot, index, ids, 'length')
    tokens[slot] = id
  }

  for (;;) {
    for (let slot = 0; slot < decoder.slots; slot++) {
      while (slots[slot] === undefined && next < rows.length) {
        const index = next++
        const row = rows[index]!
        if (row.maxNewTokens <= 0) {
          end(slot, index, [], 'length')
          continue
        }
        signal?.throwIfAborted()
        slots[slot] = { index, ids: [] }
        advance(slot, await decoder.prefill(slot, row.ids))
      }
    }
    if (slots.every(slot => slot === undefined)) return results
    // A run of the native library blocks the event loop; this is where signals and messages come through.
    await setImmediate()
    signal?.throwIfAborted()
    const logitsOf = await decoder.step(tokens)
    for (let slot = 0; slot < decoder.slots; slot++) if (slots[slot]) advance(slot, logitsOf(slot))
  }
}
