import { CheckpointError } from '../checkpoint/checkpoint-error.js'
import { isGguf, openGguf } from '../checkpoint/gguf.js'
import { openModelFolder } from '../checkpoint/hugging-face.js'
import { readAdapterFolder } from '../checkpoint/peft.js'
import { fitAdapter } from '../model/fit-adapter.js'
import { fitWeights } from '../model/fit-weights.js'
import { llamaParameters, parseLlamaConfig, type LlamaConfig } from '../model/llama-config.js'
import { mergeLora } from '../model/merge-lora.js'
import type { TensorSource } from '../tensor/types.js'
import { chatTemplateFor, plainText, type ChatTemplate } from '../text/chat-template.js'
import { endIds } from '../text/end-ids.js'
import { loadTokenizer, type LoadedTokenizer } from '../text/load-tokenizer.js'

export interface OpenOptions {
  /** A Hugging Face model folder, or a GGUF file. */
  readonly dir: string
  /** A PEFT adapter folder, merged into the weights as they are read. */
  readonly adapterDir?: string | undefined
  /** Jinja source, or `none` for plain text, in place of the model's own chat template. */
  readonly template?: string | undefined
  /** Whether to take a template other than the one that the model was trained with; for continuing raw text. */
  readonly anyTemplate?: boolean
}

/** A model with all that text needs; its weights are not read yet. */
export interface LanguageModel {
  readonly dir: string
  readonly config: LlamaConfig
  readonly tokenizer: LoadedTokenizer
  readonly template: ChatTemplate
  /** Tokens that end an answer. */
  readonly endIds: ReadonlySet<number>
  /** Hugging Face's names, float32, with the adapter merged. */
  readonly weights: TensorSource
}

/** A chat template other than the one that a model was trained with: its answers would mean nothing. */
export class TemplateMismatch extends Error {
  override readonly name = 'TemplateMismatch'
}

/**
 * Opens a model folder and checks that its parts fit: config, shapes of the weights, tokenizer, adapter, chat template. Throws
 * CheckpointError, TemplateError, or TemplateMismatch where the model was trained with another chat template than the one in use.
 */
export async function openLanguageModel({ dir, adapterDir, template: given, anyTemplate = false }: OpenOptions): Promise<LanguageModel> {
  const folder = isGguf(dir) ? { ...(await openGguf(dir)), templateDigest: undefined } : await openModelFolder(dir)
  const config = parseConfig(dir, folder.configJson)
  fitWeights(dir, config, folder.weights)
  const tokenizer = await loadTokenizer(dir)
  if (tokenizer.vocabSize > config.vocabSize) throw new CheckpointError(dir, `the tokenizer has ${tokenizer.vocabSize} tokens, the model ${config.vocabSize}: they do not belong together`)
  const template = chatTemplateFor(tokenizer, given)
  // A model of plain text, which is what a base is, is bound to no template.
  if (!anyTemplate && folder.templateDigest !== undefined && folder.templateDigest !== plainText.digest && folder.templateDigest !== template.digest) {
    throw new TemplateMismatch(
      `${dir} was trained with the chat template ${folder.templateDigest.slice(0, 8)}…, and ${describe(template)} is in use (${template.digest.slice(0, 8)}). ` +
        'Use the one it was trained with, or train it again',
    )
  }
  return {
    dir, config, tokenizer, template,
    endIds: endIds(tokenizer, folder.generationConfig, folder.configJson),
    weights: adapterDir === undefined ? folder.weights : await withAdapter(config, folder.weights, adapterDir),
  }
}

function parseConfig(dir: string, json: Readonly<Record<string, unknown>>): LlamaConfig {
  try {
    return parseLlamaConfig(json)
  } catch (error) {
    throw new CheckpointError(dir, (error as Error).message)
  }
}

async function withAdapter(config: LlamaConfig, base: TensorSource, dir: string): Promise<TensorSource> {
  const adapter = await readAdapterFolder(dir)
  return mergeLora(config, base, adapter.weights, await fitAdapter(config, adapter))
}

const describe = ({ origin }: ChatTemplate): string => (origin === 'none' ? 'plain text' : origin === 'given' ? 'a given one' : origin === 'default' ? 'the default one' : `that of ${origin}`)

/** All weights of a model in memory, by name. */
export async function readWeights({ config, weights }: Pick<LanguageModel, 'config' | 'weights'>): Promise<Map<string, Float32Array>> {
  const read = new Map<string, Float32Array>()
  for (const { name } of llamaParameters(config)) read.set(name, await weights.read(name))
  return read
}

/** The token ids of a text that a template rendered; plain text gets the tokens that its tokenizer puts before a text. */
export const encodePrompt = ({ tokenizer, template }: Pick<LanguageModel, 'tokenizer' | 'template'>, text: string): number[] =>
  template.origin === 'none' ? [...tokenizer.surrounding.before, ...tokenizer.encode(text)] : tokenizer.encode(text)
