import type { LoadedTokenizer } from './load-tokenizer.js'

type Numbering = Pick<LoadedTokenizer, 'vocabSize' | 'tokenOf'>

/**
 * Whether one tokenizer's numbers mean other tokens to the other, so that a model of the one reads nonsense from the other. A few that differ are no
 * sign of it: tokens that were kept free get their meaning later.
 */
export function numbersOthers(one: Numbering, other: Numbering): boolean {
  const shared = Math.min(one.vocabSize, other.vocabSize)
  let differing = 0
  for (let id = 0; id < shared; id++) if (one.tokenOf(id) !== other.tokenOf(id)) differing++
  return differing > shared / 2
}
