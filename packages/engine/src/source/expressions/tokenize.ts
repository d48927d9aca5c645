import { ExpressionError } from './syntax.js'

export type Token = { readonly start: number; readonly end: number } & (
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'word'; readonly value: string }
  | { readonly type: 'mark'; readonly value: string }
  | { readonly type: 'end' }
)

const spaces = /\s+/y
// Ids may hold a hyphen, so a name may too; there is no subtraction to confuse it with.
const word = /[A-Za-z_][A-Za-z0-9_-]*/y
const number = /-?(?:0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y
const quoted = /'((?:[^']|'')*)'/y
const mark = /==|!=|<=|>=|&&|\|\||[<>!().,[\]]/y

const wrongMarks: Readonly<Record<string, string>> = {
  '"': "Texts stand in single quotes: 'text'.",
  '=': 'Equality is written ==.',
  '&': 'And is written &&.',
  '|': 'Or is written ||.',
  '?': 'Write condition && this || that.',
  '+': "There is no arithmetic here; format('{0}{1}', a, b) joins texts.",
  '-': 'There is no arithmetic here: give the result as a parameter.',
  '*': 'There is no arithmetic here: give the result as a parameter.',
  '/': 'There is no arithmetic here.',
  '%': 'There is no arithmetic here.',
}

/**
 * The tokens of one expression, from `start` on. With `closed` it must end with `}}`, else with the text.
 * Throws an ExpressionError where a character has no meaning or nothing closes it.
 */
export function tokenize(text: string, start: number, closed: boolean): Token[] {
  const tokens: Token[] = []
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    return pattern.exec(text)
  }
  let at = start
  for (;;) {
    at += take(spaces)?.[0].length ?? 0
    if (at >= text.length) {
      if (closed) throw new ExpressionError('expression-syntax', { start: start - 3, end: start }, 'This ${{ is never closed.', 'Close it with }}.')
      tokens.push({ type: 'end', start: at, end: at })
      return tokens
    }
    if (closed && text.startsWith('}}', at)) {
      tokens.push({ type: 'end', start: at, end: at + 2 })
      return tokens
    }
    let match: RegExpExecArray | null
    if ((match = take(number))) tokens.push({ type: 'number', value: Number(match[0]), start: at, end: at + match[0].length })
    else if ((match = take(word))) tokens.push({ type: 'word', value: match[0], start: at, end: at + match[0].length })
    else if ((match = take(quoted))) tokens.push({ type: 'string', value: match[1]!.replaceAll("''", "'"), start: at, end: at + match[0].length })
    else if ((match = take(mark))) tokens.push({ type: 'mark', value: match[0], start: at, end: at + match[0].length })
    else {
      const c = String.fromCodePoint(text.codePointAt(at)!)
      const place = { start: at, end: at + c.length }
      if (c === "'") throw new ExpressionError('expression-syntax', place, 'This quote is never closed.', "A quote inside of a text is written twice: 'it''s'.")
      throw new ExpressionError('expression-syntax', place, `${c === '"' ? 'A double quote' : `"${c}"`} has no meaning in an expression.`, wrongMarks[c])
    }
    at += match[0].length
  }
}
