import type { Json, JsonObject } from '../artifacts/types.js'
import type { Collector } from '../diagnostics/collector.js'
import { didYouMean } from '../diagnostics/suggestion.js'
import type { YamlDocument } from './document.js'
import { parseCondition, parseTemplate } from './expressions/parse.js'
import { templateReferences, type Reference } from './expressions/references.js'
import { ExpressionError, type Template } from './expressions/syntax.js'
import type { Path } from './shape.js'

type Reads = Reference['type']

/** What an expression may read, by where it stands. */
export const readable = {
  with: ['params', 'matrix', 'env', 'secret', 'digest'],
  env: ['params', 'matrix', 'env', 'secret', 'digest'],
  when: ['params', 'matrix', 'env', 'digest', 'metric'],
  inputs: ['params', 'matrix', 'env'],
  resources: ['params', 'matrix', 'env'],
  seed: ['params', 'matrix', 'env'],
  publish: ['params', 'matrix', 'env'],
  matrix: ['params', 'env'],
} as const satisfies Record<string, readonly Reads[]>

export type Place = keyof typeof readable

const called: Readonly<Record<Reads, string>> = { params: 'params', matrix: 'matrix', env: 'env', secret: 'secrets', digest: 'the digest of an output', metric: 'the metrics of a stage' }

/** Parses the expressions of one file and complains about those that cannot be read, at their place in it. */
export class ExpressionCheck {
  readonly #document: YamlDocument
  readonly #collector: Collector
  readonly #params: JsonObject

  constructor(document: YamlDocument, collector: Collector, params: JsonObject) {
    this.#document = document
    this.#collector = collector
    this.#params = params
  }

  /** Every string below `value`, which stands at `path`. */
  all(value: Json | undefined, path: Path, place: Place): void {
    if (typeof value === 'string') this.one(value, path, place)
    else if (Array.isArray(value)) for (const [i, item] of value.entries()) this.all(item as Json, [...path, i], place)
    else if (typeof value === 'object' && value !== null) for (const [key, item] of Object.entries(value)) this.all(item, [...path, key], place)
  }

  /** One string; undefined when something is wrong with it. */
  one(text: string, path: Path, place: Place): Template | undefined {
    if (place !== 'when' && !text.includes('${{')) {
      this.#warnOfOneBrace(text, path)
      return { text, parts: [text] }
    }
    return this.#located(path, () => {
      const template = place === 'when' ? parseCondition(text) : parseTemplate(text)
      for (const reference of templateReferences(template)) this.#check(reference, place)
      return template
    })
  }

  /** Refuses expressions below `value`: this part of the file is read before there is anything to compute with. */
  none(value: Json | undefined, path: Path): void {
    if (typeof value === 'string') {
      const at = value.indexOf('${{')
      if (at < 0) return
      const hint = 'Expressions stand in `with`, `inputs`, `when`, `env`, `resources`, `matrix`, `seed` and `publish` of a stage.'
      this.#collector.error('expression-place', this.#document.rangeIn(path, at, 3), 'An expression has no place here.', { hint })
    } else if (Array.isArray(value)) for (const [i, item] of value.entries()) this.none(item as Json, [...path, i])
    else if (typeof value === 'object' && value !== null) for (const [key, item] of Object.entries(value)) this.none(item, [...path, key])
  }

  /** `${params.rank}`, as a shell or JavaScript would have it, would go as a text to where nobody looks for it. */
  #warnOfOneBrace(text: string, path: Path): void {
    const found = /\$\{\s*((?:params|matrix|secrets|stages)\.[^{}]*?)\s*\}/.exec(text)
    if (!found) return
    this.#collector.warning('expression-syntax', this.#document.rangeIn(path, found.index, found[0].length), `${found[0]} is no expression and stays as it is.`, { hint: `Write \${{ ${found[1]} }}.` })
  }

  #located<T>(path: Path, work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error
      this.#collector.error(error.code, this.#document.rangeIn(path, error.start, error.end - error.start), error.message, { hint: error.hint })
      return undefined
    }
  }

  #check(reference: Reference, place: Place) {
    const allowed: readonly Reads[] = readable[place]
    if (!allowed.includes(reference.type)) {
      const hint = reference.type === 'secret' ? 'Secrets can be read in `with` and `env`.' : reference.type === 'metric' ? 'Metrics can be read in `when`.' : `Here it can read ${allowed.map(a => called[a]).join(', ')}.`
      throw new ExpressionError('expression-place', reference.expression, `${place === 'with' ? 'A parameter' : `\`${place}\``} cannot read ${called[reference.type]}.`, hint)
    }
    if (reference.type === 'params' && reference.name !== undefined && !Object.hasOwn(this.#params, reference.name)) {
      throw new ExpressionError('expression-name', reference.at!, `The pipeline has no parameter "${reference.name}".`, didYouMean(reference.name, Object.keys(this.#params), 'Its parameters are') ?? 'Give it a default under `params:`.')
    }
  }
}
