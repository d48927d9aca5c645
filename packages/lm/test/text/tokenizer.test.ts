import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadTokenizer, tokenizerFromJson } from '../../src/text/load-tokenizer.js'
import { byteCharacters } from '../../src/text/byte-alphabet.js'
import { otherTokenizer } from '../../src/text/other-tokenizer.js'
import { byteLevelPreTokenizer, type TokenizerPart } from '../../src/text/pre-tokenizer.js'

const goldenDir = fileURLToPath(new URL('../../../../tests/golden/text/', import.meta.url))
const base = JSON.parse(readFileSync(join(goldenDir, 'tokenizer.json'), 'utf8'))
interface Case { text: string; ids: number[]; with_special: number[]; decoded: string; decoded_plain: string }
const golden = JSON.parse(readFileSync(join(goldenDir, 'encodings.json'), 'utf8')) as { variants: Record<string, { parts: { pre_tokenizer: TokenizerPart }; cases: Case[]; pieces: string[][] }> }
const dir = mkdtempSync(join(tmpdir(), 'hone tokenizer '))
const test = suite('tokenizers')
test.after(() => rmSync(dir, { recursive: true }))

for (const [name, { parts, cases, pieces }] of Object.entries(golden.variants)) {
  const tokenizer = tokenizerFromJson({ ...base, ...parts })

  test(`${name}: encodes as Hugging Face's tokenizers do, alone and in a batch`, async () => {
    for (const c of cases) {
      assert.equal(tokenizer.encode(c.text), c.ids, JSON.stringify(c.text))
      assert.equal(tokenizer.encode(c.text, { addSpecialTokens: true }), c.with_special, JSON.stringify(c.text))
    }
    assert.equal(await tokenizer.encodeBatch(cases.map(c => c.text)), cases.map(c => c.ids))
  })

  test(`${name}: cuts a text where Hugging Face's tokenizers cut it`, () => {
    const { cut, addPrefixSpace } = byteLevelPreTokenizer(parts.pre_tokenizer)!
    cases.forEach(({ text }, i) => {
      const own = cut(addPrefixSpace && text !== '' && !text.startsWith(' ') ? ` ${text}` : text)
      assert.equal((text === '' ? [] : own).map(piece => Array.from(Buffer.from(piece, 'utf8'), byte => byteCharacters[byte]).join('')), pieces[i], JSON.stringify(text))
    })
  })

  test(`${name}: decodes as Hugging Face's tokenizers do`, () => {
    for (const c of cases) {
      assert.is(tokenizer.decode(c.ids), c.decoded)
      assert.is(tokenizer.decode(c.ids, { skipSpecialTokens: true }), c.decoded_plain)
    }
  })

  test(`${name}: offsets go through the text from its start to its end without a hole`, () => {
    for (const c of cases) {
      const { ids, offsets } = tokenizer.encodeWithOffsets(c.text)
      assert.equal(ids, c.ids)
      let at = 0
      for (const [start, end] of offsets) {
        assert.ok(start <= at && end >= at, `${JSON.stringify(c.text)}: [${start}, ${end}) after ${at}`)
        at = end
      }
      assert.is(at, c.text.length)
    }
  })
}

test('an offset is where the token stands, in UTF-16 units, with the space before it', () => {
  const tokenizer = tokenizerFromJson(base)
  const text = '😀 the cat<|im_end|>é'
  const { ids, offsets } = tokenizer.encodeWithOffsets(text)
  const pieces = ids.map((id, i) => [tokenizer.decode([id]), text.slice(...offsets[i]!)])
  for (const [decoded, piece] of pieces) if (!decoded!.includes('\uFFFD')) assert.is(decoded, piece)
  assert.ok(pieces.some(p => p[1] === '<|im_end|>') && pieces.at(-1)![1] === 'é')
  // The bytes of one character all lie at that character.
  assert.ok(pieces.filter(p => p[1] === '😀').length >= 1)
})

test('a composed character maps back to the characters that it came from', () => {
  const tokenizer = tokenizerFromJson({ ...base, ...golden.variants.neox!.parts })
  const text = 'cafe\u0301 the'
  const { ids, offsets } = tokenizer.encodeWithOffsets(text)
  assert.equal(ids, tokenizer.encode('café the'))
  assert.ok(offsets.some(([start, end]) => start <= 3 && end === 5))
  assert.is(offsets.at(-1)![1], text.length)
})

test('merges as strings and as pairs are the same', () => {
  const asStrings = { ...base, model: { ...base.model, merges: base.model.merges.map((m: string | string[]) => (typeof m === 'string' ? m : m.join(' '))) } }
  const asPairs = { ...base, model: { ...base.model, merges: asStrings.model.merges.map((m: string) => m.split(' ')) } }
  const text = 'the cat sat on the mat'
  assert.equal(tokenizerFromJson(asStrings).encode(text), tokenizerFromJson(asPairs).encode(text))
})

test("Hugging Face's JavaScript implementation, which takes the other sorts, gives the same ids", () => {
  const { parts, cases } = golden.variants.gpt2!
  const tokenizer = otherTokenizer({ ...base, ...parts }, {})
  for (const c of cases.filter(c => /^[\w ',.]*$/.test(c.text))) assert.equal(tokenizer.encode(c.text, false), c.ids, JSON.stringify(c.text))
})

test('its offsets are those of our own', () => {
  const tokenizer = tokenizerFromJson(base)
  const other = otherTokenizer(base, {})
  for (const { text } of golden.variants.gpt2!.cases) {
    const [a, b] = [tokenizer.encodeWithOffsets(text), other.encodeWithOffsets(text)]
    if (a.ids.join() === b.ids.join()) assert.equal(b.offsets, a.offsets, JSON.stringify(text))
  }
})

test('a byte without a token is left out, as by Hugging Face', () => {
  const vocab = Object.fromEntries(Object.entries(base.model.vocab as Record<string, number>).filter(([token]) => token !== '\u0100'))
  const tokenizer = tokenizerFromJson({ ...base, model: { ...base.model, vocab } })
  assert.equal(tokenizer.encodeWithOffsets('the\0cat'), { ids: [...tokenizer.encode('the'), ...tokenizer.encode('cat')], offsets: [...tokenizer.encodeWithOffsets('the').offsets, ...tokenizer.encodeWithOffsets('cat').offsets.map(([a, b]) => [a + 4, b + 4])] })
})

test('a SentencePiece-like tokenizer with byte fallback has offsets too', () => {
  const vocab: Record<string, number> = { '<unk>': 0, '<s>': 1, '</s>': 2 }
  for (let byte = 0; byte < 256; byte++) vocab[`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`] = 3 + byte
  for (const token of ['▁', 't', 'h', 'e', '▁t', 'he', '▁the']) vocab[token] = Object.keys(vocab).length
  const tokenizer = tokenizerFromJson({
    added_tokens: [{ id: 1, content: '<s>', special: true }, { id: 2, content: '</s>', special: true }],
    normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }] },
    pre_tokenizer: null,
    post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }], special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } } },
    decoder: { type: 'Sequence', decoders: [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }] },
    model: { type: 'BPE', byte_fallback: true, unk_token: '<unk>', vocab, merges: ['▁ t', 'h e', '▁t he'] },
  })
  const text = 'the é the'
  const { ids, offsets } = tokenizer.encodeWithOffsets(text)
  assert.equal(ids.map(id => tokenizer.tokenOf(id)), ['▁the', '▁', '<0xC3>', '<0xA9>', '▁the'])
  assert.equal(offsets, [[0, 3], [3, 4], [4, 5], [4, 5], [5, 9]])
  assert.is(tokenizer.decode(ids), text)
  assert.equal(tokenizer.surrounding, { before: [1], after: [] })
})

test('a folder says what its special tokens are; without one the usual name of the end is taken', async () => {
  writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(base))
  assert.is((await loadTokenizer(dir)).tokenOf((await loadTokenizer(join(dir, 'tokenizer.json'))).eosId!), '<|endoftext|>')
  writeFileSync(join(dir, 'tokenizer_config.json'), JSON.stringify({ eos_token: { content: '<|im_end|>' }, bos_token: '<|endoftext|>', chat_template: 'x' }))
  const tokenizer = await loadTokenizer(dir)
  assert.equal([tokenizer.tokenOf(tokenizer.eosId!), tokenizer.tokenOf(tokenizer.bosId!), tokenizer.padId], ['<|im_end|>', '<|endoftext|>', undefined])
  assert.equal(tokenizer.config.chatTemplate, { source: 'x', origin: 'tokenizer_config.json' })
})

test('a missing, broken or contradictory tokenizer.json is named', async () => {
  const refuses = (path: string, message: RegExp) => loadTokenizer(path).then(() => assert.unreachable(), (e: Error) => assert.match(e.message, message))
  await refuses(join(dir, 'nowhere'), /nowhere: is not there/)
  const path = join(dir, 'tokenizer.json')
  writeFileSync(path, '{')
  await refuses(dir, /tokenizer\.json: is no JSON/)
  writeFileSync(path, '{}')
  await refuses(dir, /tokenizer\.json: lacks "model"/)
  writeFileSync(path, JSON.stringify({ ...base, model: { ...base.model, merges: [...base.model.merges, ['zq', 'zq']] } }))
  await refuses(dir, /lacks the token "zq", which a merge names/)
})

test.run()
