/** The lower-case words of a text: runs of letters and digits of any script. */
export const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []

/** The set of runs of `size` words; of a text with fewer words, the whole. */
export function shingles(text: string, size: number): Set<string> {
  const list = words(text)
  if (size <= 1) return new Set(list)
  if (list.length === 0) return new Set()
  if (list.length < size) return new Set([list.join(' ')])
  return new Set(Array.from({ length: list.length - size + 1 }, (_, i) => list.slice(i, i + size).join(' ')))
}

/** |A ∩ B| / |A ∪ B|; 0 where both are empty. */
export function jaccard(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a]
  let shared = 0
  for (const item of small) if (large.has(item)) shared++
  const all = a.size + b.size - shared
  return all === 0 ? 0 : shared / all
}

export interface Near {
  /** Position among the indexed texts. */
  readonly index: number
  readonly similarity: number
}

/**
 * Finds every indexed text whose Jaccard similarity over shingles with another is at least `threshold`, exactly, by prefix filtering
 * (Chaudhuri et al. 2006; Bayardo et al. 2007): with the rarest items first, two sets of similarity t share one among the first
 * |x| - ⌈t·|x|⌉ + 1 of each, so only few pairs are compared.
 */
export function nearIndex(texts: readonly string[], { threshold, size = 1 }: { threshold: number; size?: number }): { find(text: string): Near[] } {
  const sets = texts.map(text => shingles(text, size))
  const frequency = new Map<string, number>()
  for (const set of sets) for (const item of set) frequency.set(item, (frequency.get(item) ?? 0) + 1)
  const prefix = (set: ReadonlySet<string>): string[] => {
    const sorted = [...set].sort((a, b) => (frequency.get(a) ?? 0) - (frequency.get(b) ?? 0) || (a < b ? -1 : 1))
    return sorted.slice(0, set.size - Math.ceil(threshold * set.size - 1e-9) + 1)
  }
  const holders = new Map<string, number[]>()
  for (const [i, set] of sets.entries()) {
    for (const item of prefix(set)) {
      const list = holders.get(item)
      if (list) list.push(i)
      else holders.set(item, [i])
    }
  }
  return {
    find(text) {
      const set = shingles(text, size)
      const tried = new Set<number>()
      const found: Near[] = []
      for (const item of prefix(set)) {
        for (const index of holders.get(item) ?? []) {
          if (tried.has(index)) continue
          tried.add(index)
          const other = sets[index]!
          if (Math.min(set.size, other.size) < threshold * Math.max(set.size, other.size) - 1e-9) continue
          const similarity = jaccard(set, other)
          if (similarity >= threshold - 1e-9) found.push({ index, similarity })
        }
      }
      return found.sort((a, b) => a.index - b.index)
    },
  }
}

/**
 * Puts items into one group whose texts are near one another, directly or through others: the group of each, named by its first
 * member. An item may have several texts; any one of them is enough.
 */
export function nearGroups(items: readonly (string | readonly string[])[], options: { threshold: number; size?: number }): number[] {
  const parent = items.map((_, i) => i)
  const root = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]!]!
    return i
  }
  const join = (a: number, b: number) => {
    const [x, y] = [root(a), root(b)]
    parent[Math.max(x, y)] = Math.min(x, y)
  }
  const owners = new Map<string, number>()
  for (const [i, item] of items.entries()) {
    for (const text of [item].flat()) {
      const first = owners.get(text)
      if (first === undefined) owners.set(text, i)
      else if (words(text).length > 0) join(first, i)
    }
  }
  const texts = [...owners]
  const index = nearIndex(texts.map(([text]) => text), options)
  for (const [text, owner] of texts) for (const near of index.find(text)) join(owner, texts[near.index]![1])
  return items.map((_, i) => root(i))
}
