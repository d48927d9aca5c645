import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { canonicalJson } from '../artifacts/canonical-json.js'
import { sha256 } from '../artifacts/digest.js'
import { layout } from '../artifacts/layout.js'
import type { Json } from '../artifacts/types.js'
import type { GraphNode } from '../graph/graph.js'
import type { BoundNode } from './types.js'

/** What the probe of a stage says. `asOf`: when that was, where it was not now; `warning`: why it could not be asked now, told once. */
export type OutsideState =
  | { readonly type: 'none' }
  | { readonly type: 'at'; readonly value: string; readonly asOf?: string; readonly warning?: string }
  | { readonly type: 'unknown'; readonly because: string }

/** For a run, which asks; a plan has none and sees what the last run was told. */
export interface Asking {
  readonly signal: AbortSignal
  /** Cuts secrets out of what a probe threw. */
  readonly redact: (text: string) => string
  readonly nowMs: () => number
  /** 10 seconds unless told. */
  readonly timeoutMs?: number
}

const askTimeoutMs = 10_000
/** So many are asked at once. */
const mostAtOnce = 16
const longestValue = 4096

interface Remembered {
  readonly value: string
  readonly at: string
}

/** Where the outside data of stages is at: asked of their probes once for all nodes that share a question, or remembered from the last time. */
export class OutsideData {
  readonly #root: string
  readonly #asking: Asking | undefined
  readonly #answers = new Map<string, Promise<OutsideState>>()
  readonly #told = new Set<string>()
  readonly #waiting: (() => void)[] = []
  #busy = 0

  constructor(storeRoot: string, asking?: Asking) {
    this.#root = storeRoot
    this.#asking = asking
  }

  /** Asks, so that the answer is there sooner when it is wanted. */
  begin(node: GraphNode, bound: BoundNode): { readonly question: string; readonly answer: Promise<OutsideState> } {
    const question = questionOf(node, bound)
    let answer = this.#answers.get(question)
    if (!answer) {
      answer = this.#asking ? this.#ask(node, bound, question, this.#asking) : Promise.resolve(this.#lastTime(question))
      this.#answers.set(question, answer)
    }
    return { question, answer }
  }

  /** Of a stage that has a probe. Never throws. */
  async at(node: GraphNode, bound: BoundNode): Promise<OutsideState> {
    const { question, answer } = this.begin(node, bound)
    const state = await answer
    if (state.type !== 'at' || state.warning === undefined || !this.#told.has(question)) {
      this.#told.add(question)
      return state
    }
    const { warning: _, ...quiet } = state
    return quiet
  }

  /** After a stage: what its data is at by now, or why that cannot be said. */
  async again(node: GraphNode, bound: BoundNode): Promise<{ readonly value: string | undefined } | { readonly because: string }> {
    if (!this.#asking) throw new Error('Internal: a plan asks no probe')
    try {
      return { value: await this.#probe(node, bound, this.#asking) }
    } catch (error) {
      return { because: this.#asking.redact(messageOf(error)) }
    }
  }

  async #ask(node: GraphNode, bound: BoundNode, question: string, asking: Asking): Promise<OutsideState> {
    try {
      const value = await this.#probe(node, bound, asking)
      if (value === undefined) return { type: 'none' }
      this.#remember(question, { value, at: new Date(asking.nowMs()).toISOString() })
      return { type: 'at', value }
    } catch (error) {
      const why = asking.redact(messageOf(error))
      const last = this.#lastTime(question)
      if (last.type !== 'at') return { type: 'unknown', because: `its outside data cannot be asked after (${why}), so what it makes is not kept` }
      return { ...last, warning: `The outside data of ${node.id} cannot be asked after: ${why}` }
    }
  }

  async #probe(node: GraphNode, bound: BoundNode, { signal, timeoutMs = askTimeoutMs }: Asking): Promise<string | undefined> {
    if (this.#busy >= mostAtOnce) await new Promise<void>(go => this.#waiting.push(go))
    this.#busy++
    const timeout = new AbortController()
    const both = AbortSignal.any([signal, timeout.signal])
    let timer: NodeJS.Timeout | undefined
    try {
      // One that is aborted already tells nobody that it is.
      both.throwIfAborted()
      const value: unknown = await Promise.race([
        node.stage.definition.probe!({ params: bound.params, env: bound.env, signal: both }),
        new Promise<never>((_, refuse) => {
          both.addEventListener('abort', () => refuse(both.reason as Error), { once: true })
          timer = setTimeout(() => timeout.abort(new Error(`no answer within ${timeoutMs / 1000} seconds`)), timeoutMs)
        }),
      ])
      const wrong = wrongAnswer(value)
      if (wrong !== undefined) throw new Error(wrong)
      return value as string | undefined
    } finally {
      clearTimeout(timer)
      this.#busy--
      this.#waiting.shift()?.()
    }
  }

  #lastTime(question: string): OutsideState {
    try {
      const { value, at } = JSON.parse(readFileSync(this.#file(question), 'utf8')) as Remembered
      return { type: 'at', value, asOf: at }
    } catch {
      return { type: 'unknown', because: 'its outside data has not been asked after yet: `hone run` does' }
    }
  }

  #remember(question: string, told: Remembered): void {
    const file = this.#file(question)
    const fresh = `${file}.${randomBytes(6).toString('hex')}`
    try {
      mkdirSync(layout(this.#root).probes, { recursive: true })
      writeFileSync(fresh, JSON.stringify(told))
      renameSync(fresh, file)
    } catch {
      // A store that cannot be written: the next run asks again.
    }
  }

  #file(question: string): string {
    return join(layout(this.#root).probes, `${question}.json`)
  }
}

/** What is wrong with what a probe said. */
export function wrongAnswer(value: unknown): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '' && value.length <= longestValue)) return undefined
  return `its probe answers ${value === '' ? 'an empty text' : typeof value === 'string' ? `${value.length} characters` : `a ${typeof value}`}; a text of at most ${longestValue} is wanted`
}

/** Secrets as their template, so that none reaches a file. */
const questionOf = ({ stage: { definition } }: GraphNode, { template, envTemplate }: BoundNode): string =>
  sha256(canonicalJson({ uses: definition.id, version: definition.version, params: template, env: envTemplate } satisfies Json))

/** An error of fetch says why only in its cause. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error ? `${error.message}: ${cause.message || ((cause as NodeJS.ErrnoException).code ?? cause.name)}` : error.message
}
