import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mergeLora } from '../../src/model/merge-lora.js'
import { compileScore } from '../../src/model/score-step.js'
import { pack, packedShape, readAll, tinyLlama, type ScoreGolden, type TinyLlama } from './golden.js'

const LOG_PROBABILITY = 2e-5 // tests/golden/llama.py states it

async function check(model: TinyLlama, weights: TinyLlama['weights'], expected: ScoreGolden[]): Promise<void> {
  const everyTarget = model.golden.sequences.map(s => ({ ...s, from: 1 }))
  const shape = { ...packedShape, supervised: everyTarget.reduce((n, s) => n + s.ids.length - 1, 0) }
  const { executable } = await compileScore(model.config, { ...shape, engine: 'onnx', threads: 2 })
  const { weights: _, ...packed } = pack(everyTarget, shape)
  const out = await executable.run({ ...packed, ...await readAll(weights) })
  await executable.dispose()
  expected.flatMap(s => s.log_probabilities).forEach((p, i) => {
    assert.ok(Math.abs((out['log-probabilities']?.[i] as number) - p) <= LOG_PROBABILITY, `target ${i}: ${out['log-probabilities']?.[i]}, expected ${p}`)
  })
  assert.equal(Array.from(out['greedy'] ?? []), expected.flatMap(s => s.greedy))
}

for (const head of ['tied', 'untied'] as const) {
  test(`${head} head: log-probabilities of packed sequences are those of transformers`, async () => {
    const model = await tinyLlama(head)
    await check(model, model.weights, model.golden.scores)
  })

  test(`${head} head: a merged adapter scores as PEFT scores it unmerged`, async () => {
    const model = await tinyLlama(head)
    await check(model, mergeLora(model.config, model.weights, model.adapter, model.lora), model.golden.lora.scores)
  })
}

test.run()
