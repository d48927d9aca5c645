import type { CheckContext, StageProblem } from 'hone-engine'

/**
 * Whether the tokens that will come in may number more than the model has embeddings: by the tokenizer that the parameters of the tokenizing stage
 * name. What that stage gets from others is seen when it has run.
 */
export async function checkTokens({ upstream }: Pick<CheckContext, 'upstream'>, vocabSize: number, param: string): Promise<readonly StageProblem[]> {
  const problems: StageProblem[] = []
  for (const { stage, inputs, fed } of upstream.tokens ?? []) {
    const made = fed.includes('tokenizer') ? undefined : (inputs.tokenizer?.[0] ?? inputs.model?.[0])
    if (!made) continue
    const { loadTokenizer } = await import('hone-lm/headers')
    // One that cannot be read is told by its kind.
    const tokenizer = await loadTokenizer(made.path).catch(() => undefined)
    if (!tokenizer || tokenizer.vocabSize <= vocabSize) continue
    problems.push({ message: `"${stage}" makes tokens with the tokenizer of ${made.reference}, which has ${tokenizer.vocabSize} tokens; the model has ${vocabSize}`, param, hint: 'Tokenize with the model that is tuned.' })
  }
  return problems
}
