import { createHash } from 'node:crypto'

export type Split = 'train' | 'validation' | 'test'

/**
 * The split of a row by a hash of its key (its id, or its group's value): evenly spread in [0, 1), the lowest are the test, the next
 * the validation. It depends on nothing else, so it stays the same when other rows come or go.
 */
export function splitOf(key: string, { validation = 0, test = 0 }: { validation?: number; test?: number }): Split {
  const place = createHash('sha256').update(`split\n${key}`).digest().readUIntBE(0, 6) / 2 ** 48
  return place < test ? 'test' : place < test + validation ? 'validation' : 'train'
}
