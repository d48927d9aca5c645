/** What was tried, for the last line. */
export interface Tried {
  pipelines: number
  runs: number
  interrupted: number
  inOutages: number
  selected: number
  forced: number
  refused: number
  together: number
  collected: number
  damaged: number
  moved: number
  nodes: number
  ran: number
  hits: number
  skipped: number
}
export const nothingTried = (): Tried => ({ pipelines: 0, runs: 0, interrupted: 0, inOutages: 0, selected: 0, forced: 0, refused: 0, together: 0, collected: 0, damaged: 0, moved: 0, nodes: 0, ran: 0, hits: 0, skipped: 0 })

export const told = (t: Tried, seed: number): string =>
  `${t.pipelines} pipelines from seed ${seed}: ${t.runs} runs, each against an empty store, and before them ${t.interrupted} interrupted, ${t.inOutages} in outages, ${t.selected} of some stages, ${t.forced} forced, ${t.refused} refused by --only, ${t.together} two at a time, ${t.collected} after a gc, ${t.damaged} after damage in the store, ${t.moved} in a moved project; ${t.nodes} nodes: ${t.ran} ran, ${t.hits} hit, ${t.skipped} skipped`
