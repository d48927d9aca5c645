import { setImmediate } from 'node:timers/promises'
import type { Decoder, ReadPrompt } from './decoder.js'

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
  const results: DecodedRow[] = []
  const slots = Array.from({ length: decoder.slots }, (): { index: number; ids: number[] } | undefined => undefined)
  const tokens = new Int32Array(decoder.slots).fill(-1)
  const prompts = new Map<number, ReadPrompt>()
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
        if (rows[index]!.maxNewTokens <= 0) {
          end(slot, index, [], 'length')
          continue
        }
        if (!prompts.has(index)) {
          // As many as keep the slots busy for a while: prompts of like length are read together.
          await setImmediate()
          signal?.throwIfAborted()
          const ahead = rows.flatMap((row, i) => (i >= index && row.maxNewTokens > 0 ? [i] : [])).slice(0, 2 * decoder.slots)
          const read = await decoder.read(ahead.map(i => rows[i]!.ids))
          ahead.forEach((i, at) => prompts.set(i, read[at]!))
        }
        const prompt = prompts.get(index)!
        prompts.delete(index)
        decoder.load(slot, prompt)
        slots[slot] = { index, ids: [] }
        advance(slot, prompt.logits)
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
