import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CheckpointError } from '../checkpoint/checkpoint-error.js'
import { isGguf } from '../checkpoint/gguf.js'
import { readGgufHeader } from '../checkpoint/gguf-header.js'
import { ggufTokenizer } from '../checkpoint/gguf-tokenizer.js'
import { readJsonObject } from '../checkpoint/hugging-face.js'
import { byteLevelTokenizer } from './byte-level-tokenizer.js'
import { otherTokenizer } from './other-tokenizer.js'
import { readTokenizerConfig, specialTokens, type TokenizerConfig } from './tokenizer-config.js'
import type { TokenizerCore, TokenizerJson } from './tokenizer-json.js'
import type { Tokenizer } from './types.js'

/** A tokenizer with what stands beside it. */
export interface LoadedTokenizer extends Tokenizer {
  readonly config: TokenizerConfig
  /** Special tokens are those that end a turn, begin a text and the like; `skipSpecialTokens` leaves them out. */
  isSpecial(id: number): boolean
  /** What stands before and after a text when special tokens are added. */
  readonly surrounding: { readonly before: readonly number[]; readonly after: readonly number[] }
}

// Names that the end of a text goes by, for a tokenizer.json without tokenizer_config.json beside it.
const usualEnds = ['<|endoftext|>', '</s>', '<|end_of_text|>', '<eos>']

const emptyConfig: TokenizerConfig = { bosToken: undefined, eosToken: undefined, padToken: undefined, unkToken: undefined, chatTemplate: undefined }

/** Makes a tokenizer of the contents of its files. Throws Error where tokenizer.json contradicts itself. */
export function tokenizerFromJson(
  json: TokenizerJson,
  config: TokenizerConfig = emptyConfig,
  configJson: Readonly<Record<string, unknown>> = {},
): LoadedTokenizer {
  if (typeof json.model !== 'object' || json.model === null) throw new Error('lacks "model"')
  const core: TokenizerCore = byteLevelTokenizer(json) ?? otherTokenizer(json, configJson)
  const idOf = (token: string | undefined) => (token === undefined ? undefined : core.idOf(token))
  const eosToken = config.eosToken ?? (config === emptyConfig ? usualEnds.find(t => core.idOf(t) !== undefined) : undefined)
  return {
    vocabSize: core.size,
    bosId: idOf(config.bosToken),
    eosId: idOf(eosToken),
    padId: idOf(config.padToken),
    config: { ...config, eosToken },
    surrounding: core.surrounding,
    isSpecial: core.isSpecial,
    tokenOf: core.tokenOf,
    idOf: core.idOf,
    encode: (text, options = {}) => core.encode(text, options.addSpecialTokens === true),
    encodeWithOffsets: core.encodeWithOffsets,
    encodeBatch: async texts => texts.map(text => core.encode(text, false)),
    decode: (ids, options = {}) => core.decode(ids, options.skipSpecialTokens === true),
  }
}

async function tokenizerOfGguf(path: string): Promise<LoadedTokenizer> {
  const { tokenizerJson, tokenizerConfig, chatTemplate } = ggufTokenizer(path, await readGgufHeader(path))
  const config: TokenizerConfig = {
    ...specialTokens(tokenizerConfig),
    chatTemplate: chatTemplate === undefined ? undefined : { source: chatTemplate, origin: 'chat_template.jinja' },
  }
  try {
    return tokenizerFromJson(tokenizerJson as unknown as TokenizerJson, config, tokenizerConfig)
  } catch (error) {
    throw new CheckpointError(path, `its tokenizer: ${(error as Error).message}`)
  }
}

/**
 * Loads a tokenizer from a folder (of a model, or of a tokenizer alone), from a tokenizer.json, or out of a GGUF file. Throws
 * CheckpointError where it is missing or broken.
 */
export async function loadTokenizer(path: string): Promise<LoadedTokenizer> {
  if (isGguf(path)) return tokenizerOfGguf(path)
  const isFolder = await stat(path).then(s => s.isDirectory(), () => {
    throw new CheckpointError(path, 'is not there')
  })
  const jsonPath = isFolder ? join(path, 'tokenizer.json') : path
  const json = (await readJsonObject(jsonPath)) as unknown as TokenizerJson
  const dir = dirname(jsonPath)
  const config = await readTokenizerConfig(dir)
  const configJson = await readJsonObject(join(dir, 'tokenizer_config.json')).catch(() => ({}))
  const isAlone = config.eosToken === undefined && config.chatTemplate === undefined && Object.keys(configJson).length === 0
  try {
    return tokenizerFromJson(json, isAlone ? emptyConfig : config, configJson)
  } catch (error) {
    throw new CheckpointError(jsonPath, (error as Error).message)
  }
}
