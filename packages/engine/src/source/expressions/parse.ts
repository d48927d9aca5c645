import { didYouMean } from '../../diagnostics/suggestion.js'
import { functions, isFunctionName } from './functions.js'
import { ExpressionError, type BinaryOperator, type Expression, type Template, type TemplatePart } from './syntax.js'
import { tokenize, type Token } from './tokenize.js'

const deepest = 100
/** Loosest first; the operators of one line bind alike and to the left. */
const levels: readonly (readonly string[])[] = [['||'], ['&&'], ['==', '!='], ['<', '<=', '>', '>=']]

/** Reads a string that may hold `${{ … }}`; throws an ExpressionError. Without any it is one part, the text. */
export function parseTemplate(text: string): Template {
  const parts: TemplatePart[] = []
  let at = 0
  for (;;) {
    const open = text.indexOf('${{', at)
    if (open < 0) break
    if (open > at) parts.push(text.slice(at, open))
    const tokens = tokenize(text, open + 3, true)
    parts.push(new ExpressionParser(tokens).parse())
    at = tokens.at(-1)!.end
  }
  if (at < text.length || parts.length === 0) parts.push(text.slice(at))
  return { text, parts }
}

/** Reads `when`: an expression, with or without `${{ }}` around it. */
export function parseCondition(text: string): Template {
  const trimmed = text.trim()
  if (!trimmed.startsWith('${{')) return { text, parts: [new ExpressionParser(tokenize(text, 0, false)).parse()] }
  const template = parseTemplate(text)
  const parts = template.parts.filter(part => typeof part !== 'string' || part.trim() !== '')
  const stray = parts.length > 1 ? parts.find(part => typeof part === 'string') ?? parts[1]! : undefined
  if (stray === undefined) return { text, parts }
  const start = typeof stray === 'string' ? text.indexOf(stray) : stray.start
  throw new ExpressionError('expression-syntax', { start, end: typeof stray === 'string' ? start + stray.length : stray.end }, 'A condition is one expression.', 'Put all of it between ${{ and }}.')
}

class ExpressionParser {
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  parse(): Expression {
    const first = this.#next
    if (first.type === 'end') throw new ExpressionError('expression-syntax', first, 'An expression is missing here.')
    const expression = this.#binary(0)
    const rest: Token = this.#tokens[this.#at]!
    if (rest.type !== 'end') throw new ExpressionError('expression-syntax', rest, `An operator or the end is expected here, not ${describe(rest)}.`)
    return expression
  }

  get #next(): Token {
    return this.#tokens[this.#at]!
  }

  #takes(value: string): boolean {
    if (this.#next.type !== 'mark' || this.#next.value !== value) return false
    this.#at++
    return true
  }

  #expect(value: string, opener: Token): Token {
    const token = this.#next
    if (this.#takes(value)) return token
    throw new ExpressionError('expression-syntax', token, `"${value}" is expected here, to close "${(opener as { value: string }).value}"; there is ${describe(token)}.`)
  }

  #binary(level: number): Expression {
    const operators = levels[level]
    if (!operators) return this.#unary()
    let left = this.#binary(level + 1)
    for (let token = this.#next; token.type === 'mark' && operators.includes(token.value); token = this.#next) {
      this.#at++
      const right = this.#binary(level + 1)
      left = { type: 'binary', operator: token.value as BinaryOperator, left, right, start: left.start, end: right.end }
    }
    return left
  }

  #unary(): Expression {
    const token = this.#next
    if (++this.#depth > deepest) throw new ExpressionError('expression-syntax', token, `The expression nests more than ${deepest} levels deep.`)
    try {
      if (!this.#takes('!')) return this.#postfix()
      const operand = this.#unary()
      return { type: 'not', operand, start: token.start, end: operand.end }
    } finally {
      this.#depth--
    }
  }

  #postfix(): Expression {
    let object = this.#primary()
    for (let token = this.#next; ; token = this.#next) {
      if (this.#takes('.')) {
        const name = this.#next
        if (name.type !== 'word') throw new ExpressionError('expression-syntax', name, `A name is expected after the dot, not ${describe(name)}.`, "Other names are written ['so'].")
        this.#at++
        object = { type: 'member', object, key: { type: 'literal', value: name.value, start: name.start, end: name.end }, start: object.start, end: name.end }
      } else if (this.#takes('[')) {
        const key = this.#binary(0)
        object = { type: 'member', object, key, start: object.start, end: this.#expect(']', token).end }
      } else return object
    }
  }

  #primary(): Expression {
    const token = this.#next
    this.#at++
    const { start, end } = token
    if (token.type === 'number' || token.type === 'string') return { type: 'literal', value: token.value, start, end }
    if (token.type === 'mark' && token.value === '(') {
      const inner = this.#binary(0)
      return { ...inner, start, end: this.#expect(')', token).end }
    }
    if (token.type === 'word') {
      if (token.value === 'true' || token.value === 'false') return { type: 'literal', value: token.value === 'true', start, end }
      if (token.value === 'null') return { type: 'literal', value: null, start, end }
      const open = this.#next
      return this.#takes('(') ? this.#call(token.value, token, open) : { type: 'name', name: token.value, start, end }
    }
    this.#at--
    throw new ExpressionError('expression-syntax', token, `A value is expected here, not ${describe(token)}.`)
  }

  #call(name: string, at: Token, open: Token): Expression {
    if (!isFunctionName(name)) throw new ExpressionError('expression-name', at, `There is no function "${name}".`, didYouMean(name, Object.keys(functions)))
    const args: Expression[] = []
    let close = this.#next
    if (!this.#takes(')')) {
      do args.push(this.#binary(0))
      while (this.#takes(','))
      close = this.#expect(')', open)
    }
    const [least, most] = functions[name]!.arity
    if (args.length < least || args.length > most) {
      const wanted = least === most ? `${least}` : most === Infinity ? `at least ${least}` : `${least} or ${most}`
      throw new ExpressionError('expression-syntax', { start: at.start, end: close.end }, `${name} takes ${wanted} value${wanted === '1' ? '' : 's'}; ${args.length} given.`)
    }
    return { type: 'call', name, args, start: at.start, end: close.end }
  }
}

function describe(token: Token): string {
  return token.type === 'end' ? 'the end' : token.type === 'string' ? `the text '${token.value}'` : `"${token.value}"`
}
