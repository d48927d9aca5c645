import {
  chatTemplateFor, loadTokenizer, makeGenerator, plainText, tunedWeights, usableRows,
  type Engine, type LanguageModel, type SampleRecord, type TokenRows, type TrainOptions, type TuningMethod,
} from 'hone-lm'
import type { Start } from './start.js'

const longestAnswer = 48
/** Of a text without a question this much is shown, and the rest is the reference. */
const shownOfText = 16

/** Where the first answer of a row begins and ends; of a text that is learned from its start the end of a first piece. */
export function firstAnswer({ ids, mask, offsets }: TokenRows, row: number): { prompt: number[]; reference: number[] } {
  const own = [...ids.subarray(offsets[row]!, offsets[row + 1]!)]
  const isLearned = (i: number) => mask[offsets[row]! + i] === 1
  let start = own.findIndex((_, i) => isLearned(i))
  if (start <= 1) start = Math.min(shownOfText, Math.ceil(own.length / 2))
  let end = start
  while (end < own.length && isLearned(end)) end++
  return { prompt: own.slice(0, start), reference: own.slice(start, Math.min(end, start + longestAnswer)) }
}

/**
 * Asks the model, as it is at each evaluation, the first held-out question, greedily. Undefined where there are no held-out rows.
 */
export async function heldOutQuestion({ tokens, config, weights, generationConfig }: Start, method: TuningMethod, compute: { engine: Engine; threads: number }): Promise<TrainOptions['sample']> {
  const row = tokens.validation && usableRows(tokens.validation)[0]
  if (!tokens.validation || row === undefined) return undefined
  const tokenizer = await loadTokenizer(tokens.tokenizerDir)
  const { prompt, reference } = firstAnswer(tokens.validation, row)
  const named = generationConfig?.eos_token_id
  const isPlain = tokens.info.template_digest === plainText.digest
  // What the tokenizer puts before a plain text, generation puts there itself.
  const promptText = tokenizer.decode(prompt, { skipSpecialTokens: isPlain })
  const endIds = new Set([...tokens.info.end_ids, ...(Array.isArray(named) ? named : [named]).filter((id): id is number => typeof id === 'number')])
  const shown = { prompt: tokenizer.decode(prompt, { skipSpecialTokens: true }).trim(), reference: tokenizer.decode(reference, { skipSpecialTokens: true }).trim() }
  return async (step, parameters): Promise<readonly SampleRecord[]> => {
    const model: LanguageModel = {
      dir: tokens.dir, config, tokenizer, endIds,
      template: isPlain ? plainText : chatTemplateFor(tokenizer),
      weights: tunedWeights(config, method, weights, parameters),
    }
    const generator = await makeGenerator(model, { ...compute, slots: 1 })
    try {
      const { answers } = await generator.generate([promptText], { maxNewTokens: longestAnswer })
      return [{ step, ...shown, prediction: answers[0]!.text }]
    } finally {
      await generator.dispose()
    }
  }
}
