import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'
import { characterBytes, utf8Ranges } from './byte-alphabet.js'
import type { TokenizerCore, TokenizerJson } from './tokenizer-json.js'

/** What is used of it: the package's own types do not resolve under NodeNext. */
interface Untyped {
  get_vocab(withAdded: boolean): Map<string, number>
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] }
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string
  token_to_id(token: string): number | undefined
  id_to_token(id: number): string | undefined
}

/**
 * Every sort of tokenizer that is not byte-level BPE (SentencePiece-like BPE with byte fallback, Unigram, WordPiece), by Hugging
 * Face's JavaScript implementation. It gives no offsets, so they are found by walking along the text with the tokens.
 */
export function otherTokenizer(json: TokenizerJson, configJson: Readonly<Record<string, unknown>>): TokenizerCore {
  const tokenizer: Untyped = new HuggingFaceTokenizer(json, configJson)
  const vocab = tokenizer.get_vocab(true)
  const size = [...vocab.values()].reduce((a, b) => Math.max(a, b), -1) + 1
  const special = new Set((json.added_tokens ?? []).filter(t => t.special).map(t => t.id))
  const added = new Set((json.added_tokens ?? []).map(t => t.id))
  const encode = (text: string, addSpecialTokens: boolean) => tokenizer.encode(text, { add_special_tokens: addSpecialTokens }).ids

  /** Before and after are what stands around the tokens of a text that has some. */
  const [plain, surrounded] = [encode('a', false), encode('a', true)]
  const at = surrounded.findIndex((_, i) => plain.every((id, j) => surrounded[i + j] === id))
  const surrounding = { before: surrounded.slice(0, Math.max(0, at)), after: at < 0 ? [] : surrounded.slice(at + plain.length) }

  return {
    size,
    surrounding,
    tokenOf: id => tokenizer.id_to_token(id),
    idOf: token => tokenizer.token_to_id(token),
    isSpecial: id => special.has(id),
    encode,
    encodeWithOffsets(text) {
      const ids = encode(text, false)
      const isByteLevel = JSON.stringify([json.pre_tokenizer, json.decoder]).includes('"ByteLevel"')
      const tokens = ids.map(id => ({ token: tokenizer.id_to_token(id) ?? '', isAdded: added.has(id) }))
      return { ids, offsets: isByteLevel ? followBytes(text, tokens) : follow(text, tokens) }
    },
    decode: (ids, skipSpecialTokens) => tokenizer.decode([...ids], { skip_special_tokens: skipSpecialTokens, clean_up_tokenization_spaces: false }),
  }
}

const byteToken = /^<0x([0-9A-F]{2})>$/

function cannotFollow(token: string, text: string, at: number): Error {
  const near = JSON.stringify(text.slice(at, at + 20))
  return new Error(`cannot tell where the token ${JSON.stringify(token)} lies in the text near ${near}: this tokenizer changes the text`)
}

/** The same for tokens whose characters stand for bytes. */
function followBytes(text: string, tokens: readonly { token: string; isAdded: boolean }[]): [number, number][] {
  const bytes = Buffer.from(text, 'utf8')
  const { starts, ends } = utf8Ranges(text)
  let at = 0
  return tokens.map(({ token, isAdded }) => {
    const surface = isAdded ? Buffer.from(token, 'utf8') : Buffer.from(Array.from(token, c => characterBytes.get(c) ?? -1))
    let start = at
    // A space before the whole text is the tokenizer's own; around an added token it may have taken some away.
    if (!bytes.subarray(start).subarray(0, surface.length).equals(surface)) {
      if (surface[0] === 32 && bytes.subarray(start).subarray(0, surface.length - 1).equals(surface.subarray(1))) {
        at = start + surface.length - 1
        return at === start ? [starts[start] ?? text.length, starts[start] ?? text.length] : [starts[start]!, ends[at - 1]!]
      }
      while (start < bytes.length && bytes[start]! <= 32 && !bytes.subarray(start).subarray(0, surface.length).equals(surface)) start++
      if (!bytes.subarray(start).subarray(0, surface.length).equals(surface)) throw cannotFollow(token, text, starts[at] ?? text.length)
    }
    at = start + surface.length
    return [starts[start]!, ends[at - 1]!]
  })
}

/** The [start, end) of each token, by matching them one after the other. Throws where the text was changed too much to follow. */
function follow(text: string, tokens: readonly { token: string; isAdded: boolean }[]): [number, number][] {
  const offsets: [number, number][] = []
  let at = 0
  // Bytes of a character that more tokens are needed for, and where in `offsets` it began.
  let pending = 0
  let pendingFrom = 0
  for (const { token, isAdded } of tokens) {
    const byte = byteToken.exec(token)
    if (byte && !isAdded) {
      if (pending === 0) {
        const character = String.fromCodePoint(text.codePointAt(at) ?? 0)
        pending = Buffer.byteLength(character)
        pendingFrom = at
        at += character.length
      }
      pending--
      offsets.push([pendingFrom, at])
      continue
    }
    const surface = isAdded ? token : token.replaceAll('▁', ' ')
    const candidates = isAdded ? [surface] : [surface, surface.trimStart(), surface.replace(/^##/, '')]
    // Spaces that the tokenizer dropped, as around added tokens.
    const start = [at, at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0)].find(i => candidates.some(c => text.startsWith(c, i)))
    const found = start === undefined ? undefined : candidates.find(c => text.startsWith(c, start))
    if (start === undefined || found === undefined) {
      throw cannotFollow(token, text, at)
    }
    at = start + found.length
    offsets.push([start, at])
  }
  return offsets
}
