import type { StageContext } from 'hone-engine'

/** A memo that remembers rows between runs of a stage, and how many it had to ask for. */
export function rowMemo(): StageContext['memo'] & { computed: number } {
  const known = new Map<string, unknown>()
  return {
    computed: 0,
    async *map(rows, { salt }, fn) {
      const all: any[] = []
      for await (const row of rows) all.push(row)
      const keys = all.map(row => JSON.stringify([salt, row]))
      const missing = all.filter((_, i) => !known.has(keys[i]!))
      this.computed += missing.length
      const given = missing.length > 0 ? await fn(missing) : []
      missing.forEach((row, i) => known.set(JSON.stringify([salt, row]), given[i]))
      for (const key of keys) yield known.get(key) as never
    },
  }
}
