import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { uniform } from '../../src/generate/random.js'
import { llamaParameters, parseLlamaConfig } from '../../src/model/llama-config.js'
import { llamaScorer } from '../../src/score/llama-scorer.js'

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
