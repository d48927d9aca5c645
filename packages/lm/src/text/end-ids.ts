import type { EndIds } from './supervision.js'
import type { LoadedTokenizer } from './load-tokenizer.js'

const idsOf = (value: unknown): number[] =>
  (Array.isArray(value) ? value : [value]).filter((id): id is number => typeof id === 'number')

/**
 * The tokens that end an answer: the tokenizer's end-of-sequence token and every `eos_token_id` of generation_config.json and
 * config.json. Generation stops at them, and an answer that is learned must end with one.
 */
export function endIds(tokenizer: Pick<LoadedTokenizer, 'eosId'>, ...configs: readonly (Readonly<Record<string, unknown>> | undefined)[]): EndIds {
  return new Set([...(tokenizer.eosId === undefined ? [] : [tokenizer.eosId]), ...configs.flatMap(config => idsOf(config?.eos_token_id))])
}
