import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tokenizerFromJson } from '../../src/text/load-tokenizer.js'
import { trainByteLevelBpe } from '../../src/text/train-bpe.js'

const path = (name: string) => fileURLToPath(new URL(`../../../../tests/golden/text/${name}`, import.meta.url))
const lines = readFileSync(path('corpus.txt'), 'utf8').split('\n')
const { trained } = JSON.parse(readFileSync(path('bpe.json'), 'utf8')) as { trained: { vocabSize: number; minFrequency: number; splitDigits: boolean; tokens: string[]; merges: string[] }[] }
const specialTokens = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']

for (const { tokens, merges, ...options } of trained) {
  test(`learns what Hugging Face's trainer learns with ${JSON.stringify(options)}`, async () => {
    const { model } = await trainByteLevelBpe(lines, { ...options, specialTokens })
    assert.equal(model.merges!.map(m => [...m].join(' ')), merges)
    assert.equal(Object.entries(model.vocab as Record<string, number>).sort((a, b) => a[1] - b[1]).map(([t]) => t), tokens)
  })
}

test('the order of the text does not matter', async () => {
  const one = await trainByteLevelBpe(lines, { vocabSize: 400, specialTokens })
  const other = await trainByteLevelBpe([...lines].reverse(), { vocabSize: 400, specialTokens })
  assert.equal(one, other)
})

test('what was trained encodes and gives the text back', async () => {
  const tokenizer = tokenizerFromJson(await trainByteLevelBpe(lines, { vocabSize: 400, specialTokens, splitDigits: true }))
  for (const text of [...lines, '日本 <|im_end|> 2024']) assert.is(tokenizer.decode(tokenizer.encode(text)), text)
  assert.equal(tokenizer.encode('<|im_end|>'), [2])
  assert.is(tokenizer.encode('2024').length, 4)
})

test('an interrupt ends it', async () => {
  await trainByteLevelBpe(lines, { vocabSize: 400, specialTokens, signal: AbortSignal.abort() }).then(() => assert.unreachable(), (e: Error) => assert.is(e.name, 'AbortError'))
})

test.run()
