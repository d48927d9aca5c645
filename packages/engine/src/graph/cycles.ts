import type { SourceRange } from '../diagnostics/diagnostic.js'

/** One stage needs another, and where the file says so. */
export interface StageEdge {
  readonly to: string
  readonly range: SourceRange
}

export interface StageOrder {
  /** Every stage, each after what it needs; where stages form a cycle one of them comes first. */
  readonly order: readonly string[]
  /** One cycle for each group of stages that wait for one another: its edges, `to` of the last being the first. */
  readonly cycles: readonly (readonly { readonly from: string; readonly to: string; readonly range: SourceRange }[])[]
}

/** Orders stages by what they need (Tarjan's strongly connected components, without recursion). */
export function orderStages(edges: ReadonlyMap<string, readonly StageEdge[]>): StageOrder {
  const order: string[] = []
  const cycles: StageOrder['cycles'][number][] = []
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const open: string[] = []
  const isOpen = new Set<string>()
  for (const root of edges.keys()) {
    if (index.has(root)) continue
    const frames: { id: string; next: number }[] = []
    const enter = (id: string) => {
      index.set(id, index.size)
      low.set(id, index.get(id)!)
      open.push(id)
      isOpen.add(id)
      frames.push({ id, next: 0 })
    }
    enter(root)
    for (let frame = frames.at(-1); frame; frame = frames.at(-1)) {
      const { id } = frame
      const edge = edges.get(id)![frame.next++]
      if (edge) {
        if (!edges.has(edge.to)) continue
        if (!index.has(edge.to)) enter(edge.to)
        else if (isOpen.has(edge.to)) low.set(id, Math.min(low.get(id)!, index.get(edge.to)!))
        continue
      }
      frames.pop()
      order.push(id)
      const parent = frames.at(-1)
      if (parent) low.set(parent.id, Math.min(low.get(parent.id)!, low.get(id)!))
      if (low.get(id) !== index.get(id)) continue
      const component = open.splice(open.indexOf(id))
      for (const member of component) isOpen.delete(member)
      if (component.length > 1 || edges.get(id)!.some(e => e.to === id)) cycles.push(shortestCycle(id, new Set(component), edges))
    }
  }
  return { order, cycles }
}

/** Breadth first from `start` back to it, inside of its component. */
function shortestCycle(start: string, component: ReadonlySet<string>, edges: ReadonlyMap<string, readonly StageEdge[]>) {
  type Step = { from: string; to: string; range: SourceRange; before: Step | undefined }
  const seen = new Set<string>()
  let steps: Step[] = [{ from: '', to: start, range: undefined as never, before: undefined }]
  while (steps.length > 0) {
    const following: Step[] = []
    for (const before of steps) {
      for (const { to, range } of edges.get(before.to)!) {
        if (!component.has(to)) continue
        const step: Step = { from: before.to, to, range, before: before.from === '' ? undefined : before }
        if (to === start) {
          const cycle: Step[] = []
          for (let at: Step | undefined = step; at; at = at.before) cycle.unshift(at)
          return cycle.map(({ from, to, range }) => ({ from, to, range }))
        }
        if (!seen.has(to)) {
          seen.add(to)
          following.push(step)
        }
      }
    }
    steps = following
  }
  throw new Error(`Internal: no cycle through ${start}`)
}
