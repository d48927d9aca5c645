/**
 * First fit: each row goes into the first sequence that still has room for it, in the order given. A row of more than `maxLength`
 * tokens has a sequence of its own. A tree over the room that is left finds the place in O(log n).
 */
export function packRows(order: Iterable<number>, lengthOf: (row: number) => number, maxLength: number): number[][] {
  const rows = [...order]
  let leaves = 1
  while (leaves < rows.length) leaves *= 2
  // room[leaves + i] is what sequence i has left; a parent has the larger of its two.
  const room = new Float64Array(2 * leaves).fill(maxLength)
  const sequences: number[][] = []
  for (const row of rows) {
    const length = Math.min(lengthOf(row), maxLength)
    let at = 1
    while (at < leaves) at = room[2 * at]! >= length ? 2 * at : 2 * at + 1
    const sequence = (sequences[at - leaves] ??= [])
    sequence.push(row)
    room[at]! -= length
    for (at >>= 1; at >= 1; at >>= 1) room[at] = Math.max(room[2 * at]!, room[2 * at + 1]!)
  }
  return sequences
}
