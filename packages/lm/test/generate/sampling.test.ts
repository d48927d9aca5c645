import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NotFinite } from '../../src/model/not-finite.js'
import { candidates, chooseToken, greedy } from '../../src/generate/sampling.js'

interface Case { temperature: number; topK: number; topP: number; logits: number[]; ids: number[]; probabilities: number[] }
const golden = JSON.parse(readFileSync(new URL('../../../../tests/golden/sampling.json', import.meta.url), 'utf8')) as { cases: Case[] }

test("temperature, top-k and top-p leave the tokens and probabilities that transformers' processors leave", () => {
  assert.ok(golden.cases.length >= 20)
  for (const { logits, ids, probabilities, ...settings } of golden.cases) {
    const ours = candidates(logits, settings)
    assert.equal(ours.ids, ids, JSON.stringify(settings))
    ours.probabilities.forEach((p, i) => assert.ok(Math.abs(p - probabilities[i]!) < 1e-9, `${p} ${probabilities[i]}`))
  }
})

test('temperature 0 takes the largest logit, and the lowest id among equals', () => {
  assert.is(chooseToken(Float32Array.of(1, 3, 3, 2), greedy, 0, 0), 1)
})

test('no token is taken where a logit is not finite', () => {
  for (const logits of [[NaN, NaN], [1, NaN, 2], [0, Infinity], [Infinity, -Infinity]]) {
    for (const sampling of [greedy, { ...greedy, temperature: 1 }]) assert.throws(() => chooseToken(Float32Array.from(logits), sampling, 0, 0), (e: unknown) => e instanceof NotFinite)
  }
  assert.is(chooseToken(Float32Array.of(-3e38, 3e38, 3e38), greedy, 0, 0), 1)
})

test('the same seed, row and step draw the same token, and each of them changes the draw', () => {
  const logits = new Float32Array(5000)
  const draw = (seed: number, stream: number, step: number) => chooseToken(logits, { temperature: 1, topP: 1, topK: 0, seed }, stream, step)
  assert.is(draw(1, 2, 3), draw(1, 2, 3))
  assert.is(new Set([draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4)]).size, 4)
})

test('tokens are drawn as often as they are likely', () => {
  const logits = Float32Array.from([0.5, 0.3, 0.2], Math.log)
  const counts = [0, 0, 0]
  for (let step = 0; step < 10_000; step++) counts[chooseToken(logits, { temperature: 1, topP: 1, topK: 0, seed: 5 }, 0, step)]!++
  // Four standard deviations of a count of 10,000 are at most 200.
  ;[5000, 3000, 2000].forEach((expected, i) => assert.ok(Math.abs(counts[i]! - expected) < 200, String(counts)))
})

test.run()
