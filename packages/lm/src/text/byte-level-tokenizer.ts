import { addedTokenFinder, type AddedToken } from './added-tokens.js'
import { characterBytes, utf8Ranges } from './byte-alphabet.js'
import { BytePairEncoder } from './byte-pair-encoder.js'
import { byteLevelNormalizer } from './normalizer.js'
import { byteLevelPreTokenizer, type TokenizerPart } from './pre-tokenizer.js'
import type { TokenizerCore, TokenizerJson } from './tokenizer-json.js'

/** Ids that the post-processor puts before and after a text, when special tokens are asked for. Undefined where it is of another kind. */
function surroundingIds(part: TokenizerPart | null | undefined): { before: number[]; after: number[] } | undefined {
  const none = { before: [], after: [] }
  if (!part || part.type === 'ByteLevel') return none
  if (part.type === 'RobertaProcessing' || part.type === 'BertProcessing') {
    const { cls, sep } = part as unknown as { cls: [string, number]; sep: [string, number] }
    return { before: [cls[1]], after: [sep[1]] }
  }
  if (part.type === 'TemplateProcessing') {
    const single = part.single as readonly ({ SpecialToken: { id: string } } | { Sequence: unknown })[]
    const ids = (part.special_tokens ?? {}) as Record<string, { ids: number[] }>
    const at = single.findIndex(piece => 'Sequence' in piece)
    const of = (pieces: typeof single) => pieces.flatMap(piece => ('SpecialToken' in piece ? (ids[piece.SpecialToken.id]?.ids ?? []) : []))
    return { before: of(single.slice(0, at)), after: of(single.slice(at + 1)) }
  }
  if (part.type === 'Sequence') {
    const all = (part.processors as readonly TokenizerPart[]).map(surroundingIds)
    if (all.some(s => s === undefined)) return undefined
    return all.reduce((a, b) => ({ before: [...b!.before, ...a!.before], after: [...a!.after, ...b!.after] }), none)
  }
  return undefined
}

/**
 * A byte-level BPE tokenizer: GPT-2, GPT-NeoX, Llama 3, SmolLM2, Qwen and their like. Undefined where tokenizer.json describes
 * another sort. Throws where the vocabulary contradicts the merges.
 */
export function byteLevelTokenizer(json: TokenizerJson): TokenizerCore | undefined {
  const { model } = json
  if (model.type !== undefined && model.type !== 'BPE') return undefined
  if (!model.merges || Array.isArray(model.vocab)) return undefined
  if (model.byte_fallback || model.dropout || model.unk_token || model.continuing_subword_prefix || model.end_of_word_suffix) return undefined
  const preTokenizer = byteLevelPreTokenizer(json.pre_tokenizer)
  const normalize = byteLevelNormalizer(json.normalizer)
  const surrounding = surroundingIds(json.post_processor)
  const vocab = new Map(Object.entries(model.vocab as Record<string, number>))
  if (!preTokenizer || !normalize || !surrounding) return undefined
  // A merge is "a b", or ["a", "b"] since tokenizers 0.20.
  const merges = model.merges.map(merge => (typeof merge === 'string' ? (merge.split(' ') as [string, string]) : merge))
  const encoder = new BytePairEncoder(vocab, merges, model.ignore_merges === true)

  const added = json.added_tokens ?? []
  const findRaw = addedTokenFinder(added.filter(t => !t.normalized))
  const findNormalized = addedTokenFinder(added.filter(t => t.normalized).map(t => ({ ...t, content: normalize(t.content).text })))
  const tokenOf: (string | undefined)[] = []
  for (const [token, id] of vocab) tokenOf[id] = token
  for (const token of added) tokenOf[token.id] = token.content
  const addedIds = new Map(added.map(token => [token.content, token.id]))
  const special = new Set(added.filter(t => t.special).map(t => t.id))

  /** Appends the tokens of a text to `ids`, and their [start, end) to `offsets`. */
  function encodeInto(text: string, ids: number[], offsets: [number, number][] | undefined): void {
    const emitAdded = (token: AddedToken, start: number, end: number) => {
      ids.push(token.id)
      offsets?.push([start, end])
    }
    for (const raw of findRaw(text)) {
      if (raw.token) {
        emitAdded(raw.token, raw.start, raw.end)
        continue
      }
      const normalized = normalize!(text.slice(raw.start, raw.end))
      const from = (i: number) => raw.start + (normalized.starts ? normalized.starts[i]! : i)
      const to = (i: number) => raw.start + (normalized.ends ? normalized.ends[i - 1]! : i)
      for (const stretch of findNormalized(normalized.text)) {
        if (stretch.token) {
          emitAdded(stretch.token, from(stretch.start), to(stretch.end))
          continue
        }
        const plain = normalized.text.slice(stretch.start, stretch.end)
        const prefix = preTokenizer!.addPrefixSpace && !plain.startsWith(' ') ? 1 : 0
        let at = stretch.start - prefix
        for (const word of preTokenizer!.cut(prefix ? ` ${plain}` : plain)) {
          const encoded = encoder.encode(word)
          for (const id of encoded.ids) ids.push(id)
          if (offsets) {
            // As many bytes as units: ASCII, where one is the other.
            const ranges = encoded.ends.at(-1) === word.length ? undefined : utf8Ranges(word)
            encoded.starts.forEach((byte, i) => {
              const lastByte = encoded.ends[i]! - 1
              // The space that was put before the text is not in it.
              const start = Math.max(stretch.start, at + (ranges ? ranges.starts[byte]! : byte))
              const end = Math.max(stretch.start, at + (ranges ? ranges.ends[lastByte]! : lastByte + 1))
              offsets.push(end > start ? [from(start), to(end)] : [from(stretch.start), from(stretch.start)])
            })
          }
          at += word.length
        }
      }
    }
  }

  const bytesOf: (Uint8Array | undefined)[] = []
  const tokenBytes = (id: number): Uint8Array => {
    const known = bytesOf[id]
    if (known) return known
    const token = tokenOf[id]
    if (token === undefined) throw new Error(`the tokenizer has no token ${id}`)
    const bytes = Array.from(token, c => characterBytes.get(c))
    // An added token is written as itself, so one with a space or an accent is no string of byte characters.
    return (bytesOf[id] = bytes.includes(undefined) ? Buffer.from(token, 'utf8') : Uint8Array.from(bytes as number[]))
  }

  return {
    size: tokenOf.length,
    tokenOf: id => tokenOf[id],
    idOf: token => addedIds.get(token) ?? vocab.get(token),
    isSpecial: id => special.has(id),
    encode(text, addSpecialTokens) {
      const ids: number[] = addSpecialTokens ? [...surrounding.before] : []
      encodeInto(text, ids, undefined)
      if (addSpecialTokens) ids.push(...surrounding.after)
      return ids
    },
    encodeWithOffsets(text) {
      const ids: number[] = []
      const offsets: [number, number][] = []
      encodeInto(text, ids, offsets)
      return { ids, offsets }
    },
    decode(ids, skipSpecialTokens) {
      const kept = skipSpecialTokens ? ids.filter(id => !special.has(id)) : ids
      return Buffer.concat(kept.map(tokenBytes)).toString('utf8')
    },
    surrounding,
  }
}
