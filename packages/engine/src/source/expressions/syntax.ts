import type { Json } from '../../artifacts/types.js'

/** An expression as a tree. `start` and `end` count characters of the string that holds it. */
export type Expression = { readonly start: number; readonly end: number } & (
  | { readonly type: 'literal'; readonly value: Json }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'member'; readonly object: Expression; readonly key: Expression }
  | { readonly type: 'not'; readonly operand: Expression }
  | { readonly type: 'binary'; readonly operator: BinaryOperator; readonly left: Expression; readonly right: Expression }
  | { readonly type: 'call'; readonly name: string; readonly args: readonly Expression[] }
)

export type BinaryOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | '&&' | '||'

/** A string of the YAML that may hold `${{ … }}`. */
export interface Template {
  readonly text: string
  readonly parts: readonly TemplatePart[]
}

export type TemplatePart = string | Expression

/** A mistake in an expression, at characters `start` to `end` of the string that holds it. */
export class ExpressionError extends Error {
  readonly code: 'expression-syntax' | 'expression-name' | 'expression-value' | 'expression-place'
  readonly start: number
  readonly end: number
  readonly hint: string | undefined

  constructor(code: ExpressionError['code'], at: { start: number; end: number }, message: string, hint?: string) {
    super(message)
    this.code = code
    this.start = at.start
    this.end = at.end
    this.hint = hint
  }
}
