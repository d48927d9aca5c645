import type { Json } from '../../artifacts/types.js'
import { deferred, evaluate, evaluateTemplate, evaluatedText, isTrue, notUnset, type Scope } from './evaluate.js'
import type { Expression, Template } from './syntax.js'

/**
 * A template with all that is known now computed, and only what is deferred still as `${{ … }}`: what the key of a stage
 * holds for a secret. The same text is read again once the rest is known.
 */
export function residue(template: Template, scope: Scope): { value: Json; deferred: boolean } {
  const value = evaluateTemplate(template, scope)
  if (value !== deferred) return { value, deferred: false }
  let text = ''
  for (const part of template.parts) {
    // A text that looks like an expression must not become one.
    const known = typeof part === 'string' ? part : evaluatedText(part, scope)
    text += known === deferred ? `\${{ ${print(part as Expression, scope)} }}` : known.replaceAll('${{', "${{ '${{' }}")
  }
  return { value: text, deferred: true }
}

/** An expression as text again, with what is known folded to literals. */
export function print(expression: Expression, scope: Scope): string {
  const value = evaluate(expression, scope)
  if (value !== deferred) return literal(value)
  switch (expression.type) {
    case 'literal':
      return literal(expression.value)
    case 'name':
      return expression.name
    case 'member':
      return spine(expression, scope)
    case 'not':
      return `!(${print(expression.operand, scope)})`
    case 'binary': {
      // The left side of a junction that is known does not decide it, or the whole would be known.
      if ((expression.operator === '&&' || expression.operator === '||') && known(expression.left, scope)) return print(expression.right, scope)
      return `(${print(expression.left, scope)} ${expression.operator} ${print(expression.right, scope)})`
    }
    case 'call':
      return `${expression.name}(${expression.args.map(arg => print(arg, scope)).join(', ')})`
    default:
      throw new Error(`Internal: ${(expression satisfies never as Expression).type}`)
  }
}

const known = (expression: Expression, scope: Scope) => evaluate(expression, scope) !== deferred

/** The beginning of a path to something deferred: `stages['x'].outputs`, which has no value of its own. */
function spine(expression: Expression, scope: Scope): string {
  if (expression.type === 'name') return expression.name
  if (expression.type === 'member') {
    const key = print(expression.key, scope)
    const name = /^'([A-Za-z_][A-Za-z0-9_-]*)'$/.exec(key)?.[1]
    return `${spine(expression.object, scope)}${name === undefined ? `[${key}]` : `.${name}`}`
  }
  return `(${print(expression, scope)})`
}

function literal(value: Json): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  if (typeof value === 'object' && value !== null) return `fromJSON(${literal(JSON.stringify(value))})`
  return String(value)
}

/** A condition that is known is true or false; else what is left of it. */
export function residueOfCondition(template: Template, scope: Scope): { value: boolean } | { expression: string } {
  const expression = template.parts[0] as Expression
  const value = notUnset(expression, evaluate(expression, scope))
  return value === deferred ? { expression: print(expression, scope) } : { value: isTrue(value) }
}
