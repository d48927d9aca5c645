import type { MatrixSource } from '../source/pipeline.js'
import type { Scalar } from './graph.js'

export type Labels = Readonly<Record<string, Scalar>>

/** Before `exclude`, since a product is walked to be thinned out. */
const mostTried = 2_000_000

/**
 * The combinations of a matrix, as GitHub Actions makes them: the product of the axes (the last one turns fastest), less what an
 * entry of `exclude` matches, then `include`: an entry is added to each combination whose axes it does not change, and is a
 * combination of its own where there is none. Undefined where there are more than `most`.
 */
export function combinations({ axes, exclude, include }: MatrixSource, most: number): Labels[] | undefined {
  const names = Object.keys(axes)
  const size = names.reduce((product, name) => product * axes[name]!.length, 1)
  if (size > mostTried || (exclude.length === 0 && names.length > 0 && size > most)) return undefined
  const kept: Record<string, Scalar>[] = []
  const counters = names.map(() => 0)
  for (let i = 0; names.length > 0 && i < size; i++) {
    const combination: Record<string, Scalar> = {}
    for (const [j, name] of names.entries()) combination[name] = axes[name]![counters[j]!]!
    if (!exclude.some(entry => Object.keys(entry).every(name => combination[name] === entry[name]))) {
      if (kept.push(combination) > most) return undefined
    }
    for (let j = names.length - 1; j >= 0 && ++counters[j]! === axes[names[j]!]!.length; j--) counters[j] = 0
  }
  const originals = kept.length
  for (const entry of include as readonly Labels[]) {
    const shared = Object.keys(entry).filter(name => names.includes(name))
    let wasAdded = false
    for (let i = 0; i < originals; i++) {
      const combination = kept[i]!
      if (!shared.every(name => combination[name] === entry[name])) continue
      Object.assign(combination, entry)
      wasAdded = true
    }
    if (!wasAdded && kept.push({ ...entry }) > most) return undefined
  }
  return kept
}

/** Whether two nodes can stand in one combination: no axis that both have differs. */
export function agree(a: Labels, b: Labels): boolean {
  for (const axis in a) if (axis in b && a[axis] !== b[axis]) return false
  return true
}

/** The axes that every one of them has. */
export function commonAxes(all: Iterable<Labels>): string[] {
  let common: string[] | undefined
  for (const labels of all) common = common ? (common.every(axis => axis in labels) ? common : common.filter(axis => axis in labels)) : Object.keys(labels)
  return common ?? []
}

/** Finds those that agree with given labels, by the axes that all of both sides have. */
export class AxisIndex<T> {
  readonly #shared: readonly string[]
  readonly #groups = new Map<string, T[]>()
  readonly #labelsOf: (item: T) => Labels

  constructor(items: readonly T[], labelsOf: (item: T) => Labels, others: readonly string[]) {
    this.#labelsOf = labelsOf
    this.#shared = commonAxes(items.map(labelsOf)).filter(axis => others.includes(axis))
    for (const item of items) {
      const key = this.#key(labelsOf(item))
      const group = this.#groups.get(key)
      if (group) group.push(item)
      else this.#groups.set(key, [item])
    }
  }

  #key(labels: Labels): string {
    let key = ''
    for (const axis of this.#shared) key += `${typeof labels[axis]}${JSON.stringify(labels[axis])}\0`
    return key
  }

  /** In their order. The list is shared between all that it is the answer for, where nothing more has to be compared. */
  agreeing(labels: Labels): readonly T[] {
    const group = this.#groups.get(this.#key(labels)) ?? []
    return group.every(item => agree(labels, this.#labelsOf(item))) ? group : group.filter(item => agree(labels, this.#labelsOf(item)))
  }
}
