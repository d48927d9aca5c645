import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openChat } from '../../src/generate/chat.js'
import { loadGenerator } from '../../src/generate/generator.js'
import { openLanguageModel, TemplateMismatch } from '../../src/generate/language-model.js'
import { uniform } from '../../src/random/philox.js'
import { goldenPath, wordModel, words } from './word-model.js'

interface Golden {
  new: number
  models: { dir: string; adapter: boolean; rows: { prompt: number[]; answer: number[]; gap: number }[] }[]
}
const golden = JSON.parse(readFileSync(goldenPath('generate.json'), 'utf8')) as Golden
const compute = { engine: 'onnx', threads: 2 } as const
const maxPositions = 64

test("greedy answers are transformers', token by token, for one prompt and for a batch of unlike lengths, with and without an adapter", async () => {
  assert.is(golden.models.length, 4)
  for (const { dir: name, adapter, rows } of golden.models) {
    const { dir, remove } = await wordModel(name)
    for (const slots of [1, 4]) {
      const generator = await loadGenerator({ dir, ...(adapter && { adapterDir: join(dir, 'adapter') }), slots, ...compute })
      const { answers, tokens, tokensPerSecond } = await generator.generate(rows.map(r => words(r.prompt)), { maxNewTokens: golden.new })
      for (const [i, row] of rows.entries()) {
        assert.ok(row.gap > 1e-4)
        assert.equal(answers[i]!.ids, row.answer, `${name} ${adapter} ${slots} row ${i}`)
        assert.is(answers[i]!.text, words(row.answer))
        const room = Math.min(golden.new, maxPositions - row.prompt.length)
        assert.is(answers[i]!.reason, row.answer.length < room ? 'eos' : 'length')
      }
      assert.is(tokens, answers.reduce((n, a) => n + a.ids.length + (a.reason === 'eos' ? 1 : 0), 0))
      assert.ok(tokensPerSecond > 0)
      await generator.dispose()
    }
    await remove()
  }
})

test('what a prompt is answered, drawn or greedy, is the same whatever is beside it and wherever it stands', async () => {
  const { dir, remove } = await wordModel('llama-tiny-tied')
  const generator = await loadGenerator({ dir, slots: 3, ...compute })
  const prompts = Array.from({ length: 14 }, (_, i) => words(Array.from({ length: 1 + ((i * 5) % 30) }, (_, t) => 3 + Math.floor(uniform(4, i, t) * 90))))
  const streams = prompts.map((_, i) => 100 + i)
  for (const sampling of [{}, { temperature: 1.5, topK: 40, topP: 0.95, seed: 3 }]) {
    const together = (await generator.generate(prompts, { maxNewTokens: 12, sampling, streams })).answers
    const order = prompts.map((_, i) => i).reverse()
    const reversed = (await generator.generate(order.map(i => prompts[i]!), { maxNewTokens: 12, sampling, streams: order.map(i => streams[i]!) })).answers
    order.forEach((i, place) => assert.equal(reversed[place], together[i]))
    for (const i of [0, 6, 13]) assert.equal((await generator.generate([prompts[i]!], { maxNewTokens: 12, sampling, streams: [streams[i]!] })).answers[0], together[i])
  }
  await generator.dispose()
  await remove()
})

test('another seed draws another answer, and temperature 0 needs none', async () => {
  const { dir, remove } = await wordModel('llama-tiny-tied')
  const generator = await loadGenerator({ dir, slots: 1, ...compute })
  const answer = async (temperature: number, seed: number) => (await generator.generate(['t05 t06 t07'], { maxNewTokens: 16, sampling: { temperature, seed } })).answers[0]!.text
  assert.is(await answer(2, 1), await answer(2, 1))
  assert.is.not(await answer(2, 1), await answer(2, 2))
  assert.is(await answer(0, 1), await answer(0, 2))
  await generator.dispose()
  await remove()
})

test('an answer grows by settled text and ends before a stop string', async () => {
  const { dir, remove } = await wordModel('llama-tiny-tied')
  const generator = await loadGenerator({ dir, slots: 1, ...compute })
  const { prompt, answer } = golden.models[0]!.rows[1]!
  const stop = ` ${words([answer[5]!])}`
  const seen: string[] = []
  const { answers } = await generator.generate([words(prompt)], { maxNewTokens: 24, stop: [stop], onText: (_, text) => seen.push(text) })
  const expected = words(answer).slice(0, words(answer).indexOf(stop))
  assert.is(answers[0]!.text, expected)
  assert.is(answers[0]!.reason, 'stop')
  assert.ok(seen.length > 1)
  assert.is(seen.at(-1), expected)
  for (const text of seen) assert.ok(expected.startsWith(text))
  await generator.dispose()
  await remove()
})

test('a prompt that fills the context is refused, and one that nearly does gets the room that is left', async () => {
  const { dir, remove } = await wordModel('llama-tiny-tied')
  const generator = await loadGenerator({ dir, slots: 1, ...compute })
  const long = (n: number) => words(Array.from({ length: n }, (_, i) => 3 + (i % 90)))
  try {
    await generator.generate(['t05', long(64)], { maxNewTokens: 4 })
    assert.unreachable()
  } catch (e) {
    assert.instance(e, RangeError)
    assert.is((e as Error).message, "Prompt 2 has 64 tokens; the model's context is 64")
  }
  assert.ok((await generator.generate([long(62)], { maxNewTokens: 10 })).answers[0]!.ids.length <= 2)
  await generator.dispose()
  await remove()
})

test('a model that was trained with another chat template is refused, and one with the same is not', async () => {
  const plain = await wordModel('llama-tiny-tied')
  const { template } = await openLanguageModel({ dir: plain.dir })
  const same = await wordModel('llama-tiny-tied', { hone: { template_digest: template.digest } })
  await openLanguageModel({ dir: same.dir })
  for (const given of ['{{ messages[0].content }}', 'none']) {
    try {
      await openLanguageModel({ dir: same.dir, template: given })
      assert.unreachable()
    } catch (e) {
      assert.instance(e, TemplateMismatch)
      assert.match((e as Error).message, /was trained with the chat template/)
    }
  }
  const raw = await openLanguageModel({ dir: same.dir, template: 'none', anyTemplate: true })
  assert.is(raw.template.origin, 'none')
  // A base, trained on plain text, takes any template.
  const base = await wordModel('llama-tiny-tied', { hone: { template_digest: 'none' } })
  await openLanguageModel({ dir: base.dir })
  await Promise.all([plain.remove(), same.remove(), base.remove()])
})

test('a chat goes on from what was said, and an answer that fails leaves it as it was', async () => {
  const { dir, remove } = await wordModel('llama-tiny-untied')
  const chat = await openChat({ dir, system: 't50', ...compute })
  const first = await chat.send('t05 t06', { maxNewTokens: 5 })
  const generator = await loadGenerator({ dir, slots: 1, minCapacity: 64, ...compute })
  const { answers } = await generator.generate([`t90 t50 t90 t05 t06 t91`], { maxNewTokens: 5 })
  assert.is(first.text, answers[0]!.text)
  await chat.send('t07', { maxNewTokens: 3 })
  assert.equal(chat.messages.map(m => m.role), ['system', 'user', 'assistant', 'user', 'assistant'])
  const before = chat.messages
  try {
    await chat.send('t08', { signal: AbortSignal.abort(new Error('no')) })
    assert.unreachable()
  } catch (e) {
    assert.is((e as Error).message, 'no')
  }
  assert.is(chat.messages, before)
  chat.clear()
  assert.equal(chat.messages, [{ role: 'system', content: 't50' }])
  await Promise.all([chat.dispose(), generator.dispose(), remove()])
})

test.run()
