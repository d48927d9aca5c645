import type { LoadedTokenizer } from './load-tokenizer.js'

type Numbering = Pick<LoadedTokenizer, 'vocabSize' | 'tokenOf'>

/** Whether of the numbers that both have, and that `counts` for, more than half mean other tokens. A few are no sign: tokens that were kept free get their meaning later. */
function mostDiffer(one: Numbering, other: Numbering, counts: (token: string) => boolean): boolean {
  let [counted, differing] = [0, 0]
  for (let id = 0; id < Math.min(one.vocabSize, other.vocabSize); id++) {
    const [token, otherToken] = [one.tokenOf(id) ?? '', other.tokenOf(id) ?? '']
    if (!counts(token) && !counts(otherToken)) continue
    counted++
    if (token !== otherToken) differing++
  }
  return differing > counted / 2
}

/** Whether one tokenizer's numbers mean other tokens to the other, so that a model of the one reads nonsense from the other. */
export const numbersOthers = (one: Numbering, other: Numbering): boolean => mostDiffer(one, other, () => true)

/** Whether they do so but for the bytes, which all that were trained on bytes number alike: the model reads letters, and nothing of words. */
export const mergesOthers = (one: Numbering, other: Numbering): boolean => mostDiffer(one, other, token => token.length > 1)
