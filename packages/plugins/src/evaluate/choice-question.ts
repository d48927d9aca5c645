import type { Row } from '../kinds/kinds.js'
import { columnsOf, render, textOf, valueOf } from '../qa-convert/render.js'
import type { ChoiceParams } from './choice.js'

/** A question with its answers to choose from. */
export interface ChoiceQuestion {
  /** By choice; all the same where the row has one context. */
  readonly contexts: readonly string[]
  readonly choices: readonly string[]
  /** The place of the right one. */
  readonly gold: number
}

/** What a row lacks, at the parameter that asks for it. */
export class RowProblem extends Error {
  readonly param: 'context' | 'choices' | 'gold'
  constructor(message: string, param: 'context' | 'choices' | 'gold') {
    super(message)
    this.param = param
  }
}

/** Makes a question of a row. Throws RowProblem. */
export function choiceQuestion(row: Row, params: Pick<ChoiceParams, 'context' | 'choices' | 'gold'>): ChoiceQuestion {
  const choices = textsOf(row, params.choices, 'choices')
  if (choices.length < 2) throw new RowProblem(`there ${choices.length === 1 ? 'is one choice' : 'is no choice'}; two are needed to choose from`, 'choices')
  if (choices.includes('')) throw new RowProblem('a choice is empty', 'choices')
  const contexts = textsOf(row, params.context, 'context')
  if (contexts.length !== 1 && contexts.length !== choices.length) throw new RowProblem(`there are ${contexts.length} contexts for ${choices.length} choices`, 'context')
  return { choices, contexts: choices.map((_, i) => contexts[contexts.length === 1 ? 0 : i]!), gold: goldOf(row, params.gold, choices) }
}

const isTemplate = (text: string) => columnsOf(text).length > 0

function valueIn(row: Row, column: string, param: RowProblem['param']): unknown {
  const value = valueOf(row, column)
  if (value === undefined || value === null) throw new RowProblem(`there is no column "${column}"; there is ${Object.keys(row).map(name => `"${name}"`).join(', ')}`, param)
  return value
}

/** Fills a template whose columns must all be there. */
function filled(row: Row, template: string, param: RowProblem['param']): string {
  for (const column of columnsOf(template)) valueIn(row, column, param)
  return render(template, row)
}

/** One text or several: of a list each is a template, a lone string is a template when it has a hole and a column otherwise. */
function textsOf(row: Row, given: string | readonly string[], param: 'context' | 'choices'): string[] {
  if (typeof given !== 'string') return given.map(template => filled(row, template, param))
  const value = isTemplate(given) ? filled(row, given, param) : valueIn(row, given, param)
  if (Array.isArray(value)) return value.map(textOf)
  if (param === 'choices') throw new RowProblem(`"${given}" must hold a list of choices; it holds ${JSON.stringify(value)}`, 'choices')
  return [textOf(value)]
}

/** The answer itself comes first, then a letter, then a place: `1` among the answers `1` and `2` is the first. */
function goldOf(row: Row, given: string, choices: readonly string[]): number {
  const value = isTemplate(given) ? filled(row, given, 'gold') : valueIn(row, given, 'gold')
  const text = textOf(value)
  const places = [
    typeof value === 'string' ? choices.indexOf(value) : -1,
    /^[A-Z]$/.test(text) ? text.charCodeAt(0) - 65 : -1,
    /^\d+$/.test(text) ? Number(text) : -1,
  ]
  const place = places.find(p => p >= 0)
  if (place === undefined || place >= choices.length) {
    throw new RowProblem(`${JSON.stringify(value)} is none of the ${choices.length} choices: neither a place from 0 on, nor a letter from A on, nor one of ${choices.map(c => JSON.stringify(c)).join(', ')}`, 'gold')
  }
  return place
}
