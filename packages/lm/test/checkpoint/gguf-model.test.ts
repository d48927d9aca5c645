import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLanguageModel } from '../../src/generate/language-model.js'
import { makeScorer } from '../../src/score/open-scorer.js'

const path = (name: string) => fileURLToPath(new URL(`../../../../tests/golden/gguf/${name}`, import.meta.url))

test('a model opened from a GGUF file gives tokens the probabilities that transformers gives them', async () => {
  const { ids, log_probabilities: expected } = JSON.parse(readFileSync(path('llama.json'), 'utf8')) as { ids: number[]; log_probabilities: number[] }
  const scorer = await makeScorer(await openLanguageModel({ dir: path('llama.gguf') }), { engine: 'onnx', threads: 1 })
  try {
    const [scored] = await scorer.score([{ ids, from: 1 }])
    // float32 on both sides: relative to log-probabilities near 10, some ten units in the last place.
    scored!.logProbabilities.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-5, `${value}, transformers ${expected[i]}`))
    assert.is(scored!.logProbabilities.length, expected.length)
  } finally {
    await scorer.dispose()
  }
})

test.run()
