import { CheckpointError } from './checkpoint-error.js'
import type { GgufHeader, GgufValue } from './gguf-header.js'

const llama3Pattern = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
const qwen2Pattern = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

const byteLevel = (useRegex: boolean) => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: useRegex })
const byPattern = (pattern: string) => ({
  type: 'Sequence',
  pretokenizers: [{ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }, byteLevel(false)],
})
const gpt2 = byteLevel(true)
const digitsFirst = { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, gpt2] }
const llama3 = byPattern(llama3Pattern)
const qwen2 = byPattern(qwen2Pattern)

/** How `tokenizer.ggml.pre` cuts a text, after llama.cpp's src/llama-vocab.cpp. */
const preTokenizers: Readonly<Record<string, object>> = {
  'gpt-2': gpt2, 'phi-2': gpt2, olmo: gpt2, mpt: gpt2, jais: gpt2,
  smollm: digitsFirst, starcoder: digitsFirst, refact: digitsFirst, 'command-r': digitsFirst,
  codeshell: digitsFirst, exaone: digitsFirst, 'minerva-7b': digitsFirst,
  llama3, 'llama-v3': llama3, 'llama-bpe': llama3, dbrx: llama3, 'smaug-bpe': llama3,
  qwen2, stablelm2: qwen2, hunyuan: qwen2,
}
const wholeWordsFirst = new Set(['llama3', 'llama-v3', 'llama-bpe'])

// GGML's kinds of tokens.
const control = 3
const userDefined = 4

const strings = (value: GgufValue | undefined) => value as readonly string[] | undefined

/** The tokenizer that a GGUF file carries, as what would stand in a model folder. */
export interface GgufTokenizer {
  readonly tokenizerJson: Readonly<Record<string, unknown>>
  readonly tokenizerConfig: Readonly<Record<string, unknown>>
  readonly chatTemplate: string | undefined
}

const tokenIdOf = ({ metadata }: GgufHeader, role: string): number | undefined => {
  const id = metadata.get(`tokenizer.ggml.${role}_token_id`)
  return id === undefined ? undefined : Number(id)
}

/** generation_config.json: the special tokens that generation needs, every token that ends a text included. */
export function ggufGenerationConfig(header: GgufHeader): Record<string, unknown> {
  const [bos, eos, eot, pad] = ['bos', 'eos', 'eot', 'padding'].map(role => tokenIdOf(header, role))
  const ends = [...new Set([eos, eot].filter(id => id !== undefined))]
  return {
    ...(bos !== undefined && { bos_token_id: bos }),
    ...(ends.length > 0 && { eos_token_id: ends.length === 1 ? ends[0] : ends }),
    ...(pad !== undefined && { pad_token_id: pad }),
  }
}

/** Throws CheckpointError where the tokenizer is of another sort than byte-level BPE. */
export function ggufTokenizer(path: string, header: GgufHeader): GgufTokenizer {
  const { metadata } = header
  const model = metadata.get('tokenizer.ggml.model')
  if (model !== 'gpt2') {
    throw new CheckpointError(
      path,
      `its tokenizer is of the sort ${String(model)}; only byte-level BPE ("gpt2") is read. Use the model's Hugging Face folder`,
    )
  }
  const pre = String(metadata.get('tokenizer.ggml.pre') ?? 'missing')
  const preTokenizer = preTokenizers[pre]
  if (!preTokenizer) {
    throw new CheckpointError(
      path,
      `how its tokenizer cuts a text is not known: tokenizer.ggml.pre is "${pre}"; known are ${Object.keys(preTokenizers).join(', ')}`,
    )
  }
  const tokens = strings(metadata.get('tokenizer.ggml.tokens')) ?? []
  const types = (metadata.get('tokenizer.ggml.token_type') ?? []) as readonly number[]
  const merges = strings(metadata.get('tokenizer.ggml.merges'))
  if (tokens.length === 0 || !merges) throw new CheckpointError(path, 'its tokenizer has no tokens or no merges')
  const tokenAt = (role: string) => {
    const id = tokenIdOf(header, role)
    return id === undefined ? undefined : { id, content: tokens[id] }
  }
  const [bos, eos, pad, unknown] = [tokenAt('bos'), tokenAt('eos'), tokenAt('padding'), tokenAt('unknown')]
  const isAdded = (role: string) => metadata.get(`tokenizer.ggml.add_${role}_token`) === true
  const before = isAdded('bos') ? bos : undefined
  const after = isAdded('eos') ? eos : undefined
  const special = (token: { content: string | undefined }) => ({ SpecialToken: { id: token.content, type_id: 0 } })
  const around = [before, after].filter(t => t !== undefined)
  const surrounded = (...sequences: object[]) => [...(before ? [special(before)] : []), ...sequences, ...(after ? [special(after)] : [])]

  const tokenizerJson = {
    version: '1.0', truncation: null, padding: null,
    added_tokens: tokens.flatMap((content, id) =>
      types[id] === control || types[id] === userDefined
        ? [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: types[id] === control }]
        : []),
    normalizer: null,
    pre_tokenizer: preTokenizer,
    post_processor: around.length === 0 ? null : {
      type: 'TemplateProcessing',
      single: surrounded({ Sequence: { id: 'A', type_id: 0 } }),
      pair: surrounded({ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }),
      special_tokens: Object.fromEntries(around.map(t => [t.content, { id: t.content, ids: [t.id], tokens: [t.content] }])),
    },
    decoder: byteLevel(true),
    model: {
      type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false,
      ignore_merges: wholeWordsFirst.has(pre),
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map(merge => splitMerge(merge)),
    },
  }
  const template = metadata.get('tokenizer.chat_template')
  return {
    tokenizerJson,
    tokenizerConfig: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      ...(bos && { bos_token: bos.content }),
      ...(eos && { eos_token: eos.content }),
      ...(pad && { pad_token: pad.content }),
      ...(unknown && { unk_token: unknown.content }),
      clean_up_tokenization_spaces: false,
    },
    chatTemplate: typeof template === 'string' ? template : undefined,
  }
}

/** The same as files by name: tokenizer.json, tokenizer_config.json, chat_template.jinja. */
export function ggufTokenizerFiles(path: string, header: GgufHeader): Record<string, string> {
  const { tokenizerJson, tokenizerConfig, chatTemplate } = ggufTokenizer(path, header)
  return {
    'tokenizer.json': `${JSON.stringify(tokenizerJson)}\n`,
    'tokenizer_config.json': `${JSON.stringify(tokenizerConfig, null, 2)}\n`,
    ...(chatTemplate !== undefined && { 'chat_template.jinja': chatTemplate }),
  }
}

/** A merge is two tokens with a space between; a token of a byte-level vocabulary holds none, but may begin an odd line with one. */
function splitMerge(merge: string): [string, string] {
  const space = merge.indexOf(' ', 1)
  return [merge.slice(0, space), merge.slice(space + 1)]
}
