import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLanguageModel } from '../../src/generate/language-model.js'
import { choiceAccuracy, chosen } from '../../src/score/choice.js'
import { makeScorer } from '../../src/score/open-scorer.js'
import { measure, perplexityOf } from '../../src/score/perplexity.js'
import { goldenPath, wordModel } from '../generate/word-model.js'

interface Golden {
  models: { dir: string; adapter: boolean; scores: { ids: number[]; log_probabilities: number[] }[]; rolling: { window: number; nll: number } }[]
}
const { models } = JSON.parse(readFileSync(goldenPath('generate.json'), 'utf8')) as Golden
const near = (a: number, b: number, tolerance: number) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`)

test("the loss of a text is transformers', whole, in windows, and of chosen tokens alone", async () => {
  for (const { dir: name, adapter, scores, rolling } of models) {
    const { dir, remove } = await wordModel(name)
    const scorer = await makeScorer(await openLanguageModel({ dir, ...(adapter && { adapterDir: join(dir, 'adapter') }) }), { engine: 'onnx', threads: 1 })
    const [a, b] = scores as [Golden['models'][0]['scores'][0], Golden['models'][0]['scores'][0]]
    const sum = (values: readonly number[]) => values.reduce((s, v) => s - v, 0)
    // 2e-5 a token.
    const [whole, other] = await measure(scorer, [a, b], 64)
    assert.is(whole!.tokens, a.ids.length - 1)
    near(whole!.nll, sum(a.log_probabilities), 2e-5 * whole!.tokens)
    near(other!.nll, sum(b.log_probabilities), 2e-5 * other!.tokens)
    const [windowed] = await measure(scorer, [b], rolling.window)
    assert.is(windowed!.tokens, b.ids.length - 1)
    near(windowed!.nll, rolling.nll, 2e-5 * windowed!.tokens)
    assert.ok(Math.abs(windowed!.nll - other!.nll) > 0.01)
    const mask = b.ids.map((_, i): 0 | 1 => (i % 3 === 1 && i > 10 ? 1 : 0))
    for (const window of [64, 16]) {
      const [masked] = await measure(scorer, [{ ids: b.ids, mask }], window)
      assert.is(masked!.tokens, mask.filter(m => m === 1).length)
      if (window === 64) near(masked!.nll, sum(b.log_probabilities.filter((_, i) => mask[i + 1] === 1)), 2e-5 * masked!.tokens)
    }
    await scorer.dispose()
    await remove()
  }
})

test('a text without a token that counts adds nothing', async () => {
  const { dir, remove } = await wordModel('llama-tiny-tied')
  const scorer = await makeScorer(await openLanguageModel({ dir }), { engine: 'onnx', threads: 1 })
  assert.equal(await measure(scorer, [{ ids: [5] }, { ids: [5, 6], mask: [1, 0] }, { ids: [] }], 8), [{ tokens: 0, nll: 0 }, { tokens: 0, nll: 0 }, { tokens: 0, nll: 0 }])
  await scorer.dispose()
  await remove()
})

test('the loss of several texts weighs each token alike', () => {
  assert.equal(perplexityOf([{ tokens: 3, nll: 3 }, { tokens: 1, nll: 5 }]), { loss: 2, perplexity: Math.exp(2), tokens: 4, rows: 2 })
})

test('the likeliest choice is taken, or the likeliest by character, and the first of equals', () => {
  assert.equal(chosen({ logLikelihoods: [-4, -3, -5], choices: ['aaaaaaaa', 'bb', 'cc'] }), { byLikelihood: 1, byCharacter: 0 })
  assert.equal(chosen({ logLikelihoods: [-2, -2], choices: ['a', 'b'] }), { byLikelihood: 0, byCharacter: 0 })
  // A pair of surrogates is one character.
  assert.is(chosen({ logLikelihoods: [-3, -2], choices: ['😀😀', 'a'] }).byCharacter, 0)
})

test('accuracies are shares of right choices with the standard error of the mean', () => {
  const question = (gold: number) => ({ logLikelihoods: [-1, -2], choices: ['a', 'b'], gold })
  const accuracy = choiceAccuracy([question(0), question(0), question(1), question(0)])
  assert.is(accuracy.acc, 0.75)
  near(accuracy.acc_stderr!, 0.25, 1e-12)
  assert.equal(Object.keys(accuracy), ['rows', 'acc', 'acc_stderr', 'acc_norm', 'acc_norm_stderr'])
})

test.run()
