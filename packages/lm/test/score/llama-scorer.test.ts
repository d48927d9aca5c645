import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLanguageModel, readWeights } from '../../src/generate/language-model.js'
import { uniform } from '../../src/random/philox.js'
import { llamaParameters, parseLlamaConfig } from '../../src/model/llama-config.js'
import { llamaScorer } from '../../src/score/llama-scorer.js'
import { goldenPath, wordModel } from '../generate/word-model.js'

const config = parseLlamaConfig({
  model_type: 'llama', hidden_size: 48, num_attention_heads: 4, num_key_value_heads: 2, num_hidden_layers: 2,
  intermediate_size: 96, vocab_size: 300, max_position_embeddings: 128, tie_word_embeddings: true,
})
const weights = new Map(llamaParameters(config).map(({ name, shape }, p) => {
  const size = shape.reduce((a, b) => a * b, 1)
  const scale = shape.length === 1 ? 0 : 0.3
  return [name, Float32Array.from({ length: size }, (_, i) => (shape.length === 1 ? 1 : 0) + (uniform(1, p, i) - 0.5) * 2 * scale)]
}))
const sequence = (n: number, from: number, stream: number) => ({ ids: Array.from({ length: n }, (_, i) => Math.floor(uniform(2, stream, i) * config.vocabSize)), from })

test("a sequence's numbers are the same to the last bit whatever is scored beside it and wherever it stands", async () => {
  const scorer = llamaScorer(config, weights, { engine: 'onnx', threads: 2 })
  const sequences = Array.from({ length: 40 }, (_, i) => sequence(5 + ((i * 7) % 60), 1 + (i % 4), i))
  const together = await scorer.score(sequences)
  const order = sequences.map((_, i) => i).sort((a, b) => uniform(3, 0, a) - uniform(3, 0, b))
  const shuffled = await scorer.score(order.map(i => sequences[i]!))
  order.forEach((i, place) => assert.equal(shuffled[place], together[i]))
  for (const i of [0, 13, 39]) assert.equal((await scorer.score([sequences[i]!]))[0], together[i])
  await scorer.dispose()
})

interface Golden {
  models: { dir: string; adapter: boolean; scores: { ids: number[]; log_probabilities: number[]; greedy: number[] }[] }[]
}

test("log-probabilities are transformers', with and without an adapter", async () => {
  const golden = JSON.parse(readFileSync(goldenPath('generate.json'), 'utf8')) as Golden
  assert.is(golden.models.length, 4)
  for (const { dir: name, adapter, scores } of golden.models) {
    const { dir, remove } = await wordModel(name)
    const model = await openLanguageModel({ dir, ...(adapter && { adapterDir: join(dir, 'adapter') }) })
    const scorer = llamaScorer(model.config, await readWeights(model), { engine: 'onnx', threads: 2 })
    for (const from of [1, 20]) {
      const scored = await scorer.score(scores.map(({ ids }) => ({ ids, from })))
      for (const [i, { log_probabilities, greedy }] of scores.entries()) {
        assert.equal([...scored[i]!.greedy], greedy.slice(from - 1))
        const expected = log_probabilities.slice(from - 1)
        assert.is(scored[i]!.logProbabilities.length, expected.length)
        expected.forEach((value, t) => assert.ok(Math.abs(value - scored[i]!.logProbabilities[t]!) < 2e-5, `${value} ${scored[i]!.logProbabilities[t]}`))
      }
    }
    await scorer.dispose()
    await remove()
  }
})

test('probabilities of all tokens that may follow add up to one', async () => {
  const scorer = llamaScorer(config, weights, { engine: 'onnx', threads: 1 })
  const context = sequence(6, 1, 99).ids
  const scored = await scorer.score(Array.from({ length: config.vocabSize }, (_, id) => ({ ids: [...context, id], from: context.length })))
  const sum = scored.reduce((total, s) => total + Math.exp(s.logProbabilities[0]!), 0)
  assert.ok(Math.abs(sum - 1) < 1e-4, String(sum))
  const best = scored.findIndex(s => s.greedy[0] === 1)
  assert.is(scored.filter(s => s.greedy[0] === 1).length, 1)
  for (const s of scored) assert.ok(s.logProbabilities[0]! <= scored[best]!.logProbabilities[0]!)
  await scorer.dispose()
})

test('a sequence that the model cannot take is refused', async () => {
  const scorer = llamaScorer(config, weights, { engine: 'onnx', threads: 1 })
  for (const wrong of [sequence(5, 0, 0), sequence(5, 5, 0), sequence(130, 1, 0)]) {
    try {
      await scorer.score([wrong])
      assert.unreachable()
    } catch (e) {
      assert.instance(e, RangeError)
    }
  }
  assert.is((await scorer.score([sequence(129, 1, 0)]))[0]!.logProbabilities.length, 128)
})

test.run()
