/** The candidate nearest to a mistyped name, if it is near enough to be meant; undefined otherwise. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  // A third of the letters may be wrong, and one of three letters; below that only their case.
  let bestDistance = (name.length < 3 ? 0 : Math.max(1, Math.floor(name.length / 3))) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), bestDistance)
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  // A beginning or an abbreviation is as good as a slip: max_len for max_length.
  if (best === undefined && name.length >= 3) for (const candidate of candidates) if (candidate.startsWith(name)) return candidate
  return best
}

/** "Did you mean …?", else the list of what there is when it is short, else undefined. */
export function didYouMean(name: string, candidates: Iterable<string>, noun = 'There are'): string | undefined {
  const all = [...candidates]
  const near = nearest(name, all)
  if (near !== undefined) return `Did you mean "${near}"?`
  if (all.length === 0) return undefined
  return all.length <= 16 ? `${noun} ${all.join(', ')}.` : undefined
}

/** Optimal string alignment (Levenshtein with swaps of neighbours), given up at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  let [before, previous] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let least = i
    for (let j = 1; j <= b.length; j++) {
      let d = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, before[j - 2]! + 1)
      row.push(d)
      least = Math.min(least, d)
    }
    if (least > limit) return limit + 1
    ;[before, previous] = [previous, row]
  }
  return previous[b.length]!
}
