const idsIn = (value: unknown): number[] =>
  (Array.isArray(value) ? value : [value]).filter((id): id is number => typeof id === 'number' && Number.isInteger(id))

/**
 * The tokens that end an answer: those of generation_config.json, or of config.json where it names none, as in transformers, and
 * the tokenizer's own end token, which a chat template ends its turns with.
 */
export function endTokens(
  generationConfig: Readonly<Record<string, unknown>> | undefined,
  config: Readonly<Record<string, unknown>>,
  tokenizerEosId: number | undefined,
): ReadonlySet<number> {
  const named = idsIn(generationConfig?.eos_token_id)
  return new Set([...(named.length > 0 ? named : idsIn(config.eos_token_id)), ...idsIn(tokenizerEosId)])
}
