/** The smallest of 32, 48, 64, 96, 128, 192, … that is at least `n`: at most a third of it is padding. */
export function lengthBucket(n: number): number {
  let length = 32
  while (length < n) length = length % 3 === 0 ? (length / 3) * 4 : (length / 2) * 3
  return length
}

/** Puts the indices of items together that have the same bucket, buckets rising, members in their order. */
export function byBucket<T>(items: readonly T[], bucket: (item: T) => number): [bucket: number, indices: number[]][] {
  const groups = new Map<number, number[]>()
  for (const [i, item] of items.entries()) {
    const key = bucket(item)
    const members = groups.get(key)
    if (members) members.push(i)
    else groups.set(key, [i])
  }
  return [...groups].sort(([a], [b]) => a - b)
}
