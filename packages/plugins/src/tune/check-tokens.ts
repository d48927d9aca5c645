import type { CheckContext, StageProblem } from 'hone-engine'

/**
 * Whether the tokens that will come in fit the model: that they number no more than it has embeddings, and that their numbers mean to its own tokenizer,
 * where it has one, what they mean to theirs. By the tokenizer that the parameters of the tokenizing stage name; what that stage gets from others is
 * seen when it has run.
 */
export async function checkTokens({ upstream }: Pick<CheckContext, 'upstream'>, model: { readonly vocabSize: number; readonly dir?: string }, param: string): Promise<readonly StageProblem[]> {
  const problems: StageProblem[] = []
  const hint = 'Tokenize with the model that is tuned.'
  for (const { stage, inputs, fed } of upstream.tokens ?? []) {
    const made = fed.includes('tokenizer') ? undefined : (inputs.tokenizer?.[0] ?? inputs.model?.[0])
    if (!made || made.path === model.dir) continue
    const { loadTokenizer, mergesOthers, numbersOthers } = await import('hone-lm/headers')
    // One that cannot be read is told by its kind.
    const tokenizer = await loadTokenizer(made.path).catch(() => undefined)
    if (!tokenizer) continue
    const said = `"${stage}" makes tokens with the tokenizer of ${made.reference}`
    if (tokenizer.vocabSize > model.vocabSize) {
      problems.push({ message: `${said}, which has ${tokenizer.vocabSize} tokens; the model has ${model.vocabSize}`, param, hint })
      continue
    }
    const own = model.dir === undefined ? undefined : await loadTokenizer(model.dir).catch(() => undefined)
    if (own && numbersOthers(tokenizer, own)) problems.push({ message: `${said}, whose numbers mean other tokens to the model`, param, hint })
    else if (own && mergesOthers(tokenizer, own)) problems.push({ message: `${said}, whose numbers of all but bytes mean other tokens to the model`, param, hint, severity: 'warning' })
  }
  return problems
}
