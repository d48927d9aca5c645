import { didYouMean } from '../../diagnostics/suggestion.js'
import { ExpressionError, type Expression, type Template } from './syntax.js'

/** Something outside of itself that an expression reads. `expression` is the part of it that does. */
export type Reference = { readonly expression: Expression } & (
  /** `name` is the first step of the path, where it is written out. */
  | { readonly type: 'params' | 'matrix'; readonly name?: string; readonly at?: Expression }
  | { readonly type: 'env' | 'secret'; readonly name: string }
  /** `stage` is as written: `tuned` or `tuned[rank=8]`. */
  | { readonly type: 'digest'; readonly stage: string; readonly port: string }
  | { readonly type: 'metric'; readonly stage: string; readonly name: string }
)

const roots = ['params', 'matrix', 'env', 'secrets', 'stages']

/** All that an expression reads. Throws an ExpressionError for a name or a path that means nothing. */
export function references(expression: Expression): Reference[] {
  switch (expression.type) {
    case 'literal':
      return []
    case 'name':
    case 'member':
      return path(expression)
    case 'not':
      return references(expression.operand)
    case 'binary':
      return [...references(expression.left), ...references(expression.right)]
    case 'call':
      return expression.args.flatMap(references)
    default:
      throw new Error(`Internal: ${(expression satisfies never as Expression).type}`)
  }
}

export const templateReferences = (template: Template): Reference[] => template.parts.flatMap(part => (typeof part === 'string' ? [] : references(part)))

function path(expression: Expression): Reference[] {
  // From the outside in: the keys in the order in which they are written, and the prefix that each completes.
  const steps: { key: Expression; whole: Expression }[] = []
  let root = expression
  while (root.type === 'member') {
    steps.unshift({ key: root.key, whole: root })
    root = root.object
  }
  if (root.type !== 'name') return [root, ...steps.map(step => step.key)].flatMap(references)
  const inKeys = (from: number) => steps.slice(from).flatMap(step => references(step.key))
  const literal = (index: number, what: string): { text: string; whole: Expression } => {
    const step = steps[index]
    if (!step) throw new ExpressionError('expression-name', expression, `${what} is missing here.`, forms[root.type === 'name' ? root.name : ''])
    if (step.key.type !== 'literal') throw new ExpressionError('expression-name', step.key, `${what} must be written out here.`)
    return { text: String(step.key.value), whole: step.whole }
  }
  switch (root.name) {
    case 'params':
    case 'matrix':
      return [{ type: root.name, expression, ...(steps[0]?.key.type === 'literal' && { name: String(steps[0].key.value), at: steps[0].key }) }, ...inKeys(0)]
    case 'env':
    case 'secrets': {
      const { text, whole } = literal(0, root.name === 'env' ? 'The name of a variable' : 'The name of a secret')
      return [{ type: root.name === 'env' ? 'env' : 'secret', name: text, expression: whole }, ...inKeys(1)]
    }
    case 'stages': {
      const stage = literal(0, 'The name of a stage').text
      const sort = literal(1, '"outputs" or "metrics"')
      if (sort.text === 'metrics') {
        const { text, whole } = literal(2, 'The name of a metric')
        return [{ type: 'metric', stage, name: text, expression: whole }, ...inKeys(3)]
      }
      if (sort.text === 'outputs') {
        const port = literal(2, 'The name of a port').text
        const digest = literal(3, '"digest"')
        if (digest.text === 'digest') return [{ type: 'digest', stage, port, expression: digest.whole }, ...inKeys(4)]
        throw new ExpressionError('expression-name', steps[3]!.key, `Of an output only its digest can be read, not "${digest.text}".`, forms.stages)
      }
      throw new ExpressionError('expression-name', steps[1]!.key, `Of a stage only outputs and metrics can be read, not "${sort.text}".`, forms.stages)
    }
    default:
      throw new ExpressionError('expression-name', root, `"${root.name}" is not a name that an expression can read.`, didYouMean(root.name, roots, 'It can read') ?? `Texts stand in single quotes: '${root.name}'.`)
  }
}

const forms: Readonly<Record<string, string>> = {
  env: 'Write env.NAME.',
  secrets: 'Write secrets.NAME.',
  stages: 'Write stages.ID.outputs.PORT.digest, or in `when` also stages.ID.metrics.NAME.',
}
