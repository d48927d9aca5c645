import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { chatTemplateFor, jinjaTemplate, plainText, TemplateError } from '../../src/text/chat-template.js'
import { tokenizerFromJson } from '../../src/text/load-tokenizer.js'
import { maskedTokens, type MaskOptions } from '../../src/text/supervision.js'
import type { Message } from '../../src/text/types.js'

const read = (name: string) => JSON.parse(readFileSync(fileURLToPath(new URL(`../../../../tests/golden/text/${name}`, import.meta.url)), 'utf8'))
const config = { bosToken: '<|endoftext|>', eosToken: '<|im_end|>', padToken: undefined, unkToken: undefined, chatTemplate: undefined }
const tokenizer = tokenizerFromJson(read('tokenizer.json'), config)
const ends = new Set([tokenizer.eosId!])
interface Chat { name: string; template: string; messages: Message[]; text: string; prompt: string; ids: number[]; mask: number[] | null }
const chats = read('chats.json').chats as Chat[]

const learned = (template: ReturnType<typeof jinjaTemplate>, messages: Message[], options: Partial<MaskOptions> = {}) => {
  const masked = maskedTokens(tokenizer, template, { messages }, { trainOn: 'assistant', endIds: ends, ...options })
  const spans: string[] = []
  masked.ids.forEach((id, i) => {
    if (!masked.mask[i]) return
    if (i > 0 && masked.mask[i - 1]) spans.push(spans.pop()! + tokenizer.decode([id]))
    else spans.push(tokenizer.decode([id]))
  })
  return { ...masked, spans }
}

for (const [i, chat] of chats.entries()) {
  const template = jinjaTemplate(chat.template, 'given', config)

  test(`${chat.name} ${i}: the text, the prompt and the ids are those of transformers`, () => {
    assert.is(template.render(chat.messages), chat.text)
    assert.is(template.render(chat.messages.slice(0, -1), { addGenerationPrompt: true }), chat.prompt)
    assert.equal(learned(template, chat.messages).ids, chat.ids)
  })

  if (chat.mask) {
    test(`${chat.name} ${i}: the mask is that of transformers`, () => assert.equal(learned(template, chat.messages).mask, chat.mask))
  }
}

const unmarked = chats.find(c => c.name === 'smollm2')!.template
const dialogue: Message[] = [
  { role: 'user', content: 'What is a cat?' }, { role: 'assistant', content: 'An animal.' },
  { role: 'user', content: 'the hat?' }, { role: 'assistant', content: 'On the mat.' },
]

test('without {% generation %} answers are found by rendering up to them, with the token that ends the turn', () => {
  const { spans, straddling, unended } = learned(jinjaTemplate(unmarked, 'given', config), dialogue)
  assert.equal(spans, ['An animal.<|im_end|>', 'On the mat.<|im_end|>'])
  assert.equal([straddling, unended], [[], []])
})

test('both ways give the same mask', () => {
  const marked = chats.find(c => c.name === 'chatml_marked')!.template
  const plain = marked.replace(/\{% (end)?generation %\}/g, '')
  assert.equal(learned(jinjaTemplate(marked, 'given', config), dialogue).mask, learned(jinjaTemplate(plain, 'given', config), dialogue).mask)
})

test('the last answer alone, all, and messages of weight 0', () => {
  const template = jinjaTemplate(unmarked, 'given', config)
  assert.equal(learned(template, dialogue, { trainOn: 'last' }).spans, ['On the mat.<|im_end|>'])
  assert.ok(learned(template, dialogue, { trainOn: 'all' }).mask.every(m => m === 1))
  const silenced = dialogue.map((m, i): Message => (i === 1 ? { ...m, weight: 0 } : m))
  assert.equal(learned(template, silenced).spans, ['On the mat.<|im_end|>'])
  const all = learned(template, silenced, { trainOn: 'all' }).spans
  assert.is(all.length, 2)
  assert.not(all.join('').includes('An animal'))
})

test('a token that reaches over the border of an answer is not learned and is reported', () => {
  const template = jinjaTemplate("{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}{% else %}{{ m.content }}\n{% endif %}{% endfor %}", 'given', config)
  const { spans, straddling, text, offsets } = learned(template, [{ role: 'user', content: 'hi' }, { role: 'assistant', content: 'the cat' }])
  assert.equal(spans, [' cat<|im_end|>'])
  assert.equal(straddling.map(i => text.slice(...offsets[i]!)), [' the'])
})

test('an answer that does not end with an end token is reported', () => {
  const template = jinjaTemplate("{% for m in messages %}{{ m.role }}:\n{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:\n{% endif %}", 'given', config)
  assert.equal(learned(template, dialogue).unended, [1, 3])
})

test('a prompt that holds more than what stands before a given answer does not hide the answer', () => {
  const template = jinjaTemplate("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}", 'given', config)
  assert.equal(learned(template, dialogue).spans, ['An animal.<|im_end|>', 'On the mat.<|im_end|>'])
})

test('a template that rewrites what went before is refused with what to do', () => {
  const template = jinjaTemplate("{% for m in messages %}{{ loop.length }}{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}", 'given', config)
  assert.throws(() => learned(template, dialogue), (e: Error) => e instanceof TemplateError && /the template writes it differently when more follows.*\{% generation %\}/.test(e.message))
})

test('the template\'s own refusal is passed on', () => {
  const template = jinjaTemplate("{{ raise_exception('roles must alternate') }}", 'given', config)
  assert.throws(() => template.render(dialogue), (e: Error) => e instanceof TemplateError && e.message.includes('roles must alternate'))
})

test('a model that has the tokens of ChatML but ends a text with another gets the plain template', () => {
  const other = { ...tokenizer, eosId: 0, config: { ...config, eosToken: '<|endoftext|>' } }
  assert.is(chatTemplateFor(other).render(dialogue.slice(0, 2)), 'User:\nWhat is a cat?\n\nAssistant:\nAn animal.<|endoftext|>\n\n')
})

test('a model without a template gets ChatML where it has its tokens, else roles on lines of their own', () => {
  const chatml = chatTemplateFor(tokenizer)
  assert.is(chatml.origin, 'default')
  assert.is(chatml.render(dialogue.slice(0, 1), { addGenerationPrompt: true }), '<|im_start|>user\nWhat is a cat?<|im_end|>\n<|im_start|>assistant\n')
  const bare = chatTemplateFor({ ...tokenizer, idOf: () => undefined })
  assert.is(bare.render(dialogue.slice(0, 1), { addGenerationPrompt: true }), 'User:\nWhat is a cat?\n\nAssistant:\n')
  for (const template of [chatml, bare]) {
    assert.equal(learned(template, dialogue).spans, ['An animal.<|im_end|>', 'On the mat.<|im_end|>'])
    for (const n of [1, 3]) assert.ok(template.render(dialogue).startsWith(template.render(dialogue.slice(0, n), { addGenerationPrompt: true })))
  }
})

test('plain text is the contents, then the end', () => {
  const { spans, ids } = learned(plainText, [{ role: 'user', content: 'the cat' }, { role: 'assistant', content: ' sat' }])
  assert.equal(spans, [' sat<|im_end|>'])
  assert.is(ids.at(-1), tokenizer.eosId)
  assert.is(plainText.digest, 'none')
})

test('plain text begins as the tokenizer begins a text, and that is not learned', () => {
  const withStart = { ...tokenizer, surrounding: { before: [0], after: [] } }
  const masked = maskedTokens(withStart, plainText, { messages: [{ role: 'assistant', content: 'the cat' }] }, { trainOn: 'all', endIds: ends })
  assert.is(masked.ids[0], 0)
  assert.equal(masked.mask, masked.ids.map((_, i) => (i === 0 ? 0 : 1)))
})

test('the digest changes with the source and with the tokens that it writes, and with nothing else', () => {
  const digest = (source: string, over = {}) => jinjaTemplate(source, 'given', { ...config, ...over }).digest
  assert.is(digest('a'), jinjaTemplate('a', 'chat_template.jinja', config).digest)
  assert.is.not(digest('a'), digest('b'))
  assert.is.not(digest('a'), digest('a', { eosToken: '</s>' }))
})

test('a template that writes the date does not depend on the day', () => {
  const template = jinjaTemplate("{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% else %}a day{% endif %}", 'given', config)
  assert.is(template.render(dialogue), 'a day')
})

test.run()
