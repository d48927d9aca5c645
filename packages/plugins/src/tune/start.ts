import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StageContext } from 'hone-engine'
import {
  fitAdapter, fitWeights, initializeLlama, loadTokenizer, mergeLora, mergesOthers, numbersOthers, openModelFolder, plainText, parseLlamaConfig, readAdapterFolder, readTokens, rowLength, sha256,
  type FloatType, type LlamaConfig, type LoadedTokenizer, type TensorSource, type TokenRows, type TokensFolder,
} from 'hone-lm'
import { failWhereFaulty } from '../evaluate/faulty-model.js'
import type { FullParams } from './full.js'
import type { TrainerParams } from './trainer-params.js'

/** What a training starts from, opened and checked to fit together. */
export interface Start {
  readonly tokens: TokensFolder
  readonly configJson: Readonly<Record<string, unknown>>
  readonly config: LlamaConfig
  readonly weights: TensorSource
  readonly dtype: FloatType
  readonly generationConfig: Readonly<Record<string, unknown>> | undefined
}

/**
 * Opens tokens and model (or makes a fresh one) and stops the stage where they do not belong together. `mergeAdapter`: full tuning starts
 * from the base with the adapter merged; LoRA goes on with the adapter itself and takes the base bare.
 */
export async function openStart(context: StageContext<TrainerParams>, { init, mergeAdapter }: { init?: FullParams['init']; mergeAdapter: boolean }): Promise<Start> {
  const { inputs, params, fail, warn } = context
  const tokens = await readTokens(inputs.tokens.path)
  const { info } = tokens
  const model = init ? freshModel(init, tokens, context.seed) : await modelOf(context, mergeAdapter).catch((error: unknown) => failWhereFaulty(context, error))
  const { config } = model
  if (info.vocab_size > config.vocabSize) {
    fail(`The tokens were made with a tokenizer of ${info.vocab_size} tokens, the model has ${config.vocabSize}`, init ? 'init/config' : 'model', 'Tokenize with the model that is tuned.')
  }
  const own = init ? undefined : await otherTokenizerOf(inputs.model.path, tokens)
  if (own) {
    const made = await loadTokenizer(tokens.tokenizerDir)
    if (numbersOthers(made, own)) fail('The tokens were made with a tokenizer whose numbers mean other tokens to the model', 'model', 'Tokenize with the model that is tuned.')
    if (mergesOthers(made, own)) warn('The tokens were made with a tokenizer whose numbers of all but bytes mean other tokens to the model: what it has learned of words is lost. Tokenize with the model that is tuned.')
  }
  const longest = Math.max(longestRow(tokens.train), tokens.validation ? longestRow(tokens.validation) : 0)
  if (longest > config.maxPositions) {
    fail(`A row has ${longest} tokens, the model takes ${config.maxPositions}`, init ? 'init/config' : 'model', `Set "max_length" of the tokenize stage to at most ${config.maxPositions}.`)
  }
  if (model.templateDigest !== undefined && model.templateDigest !== plainText.digest && model.templateDigest !== info.template_digest) {
    warn('The model was trained with another chat template than the one of these tokens; from now on it has the new one.')
  }
  if (!tokens.validation) context.log('The tokens have no validation rows: the loss is measured on training rows alone.')
  if (params.evaluate_every !== undefined && !tokens.validation) warn('"evaluate_every" does nothing: the tokens have no validation rows.')
  if (inputs.tokenizer && sha256(await readFile(join(inputs.tokenizer.path, 'tokenizer.json'))) !== info.tokenizer_digest) {
    fail('The tokens were not made with this tokenizer', undefined, 'Feed "tokenizer" of the tokenize stage from the same stage.')
  }
  return { ...model, tokens }
}

/** The tokenizer of a model, where it has one and the tokens were made with another. One without can be one to start from. */
async function otherTokenizerOf(model: string, { info }: TokensFolder): Promise<LoadedTokenizer | undefined> {
  const text = await readFile(join(model, 'tokenizer.json')).catch(() => undefined)
  return text && sha256(text) === info.tokenizer_digest ? undefined : loadTokenizer(model).catch(() => undefined)
}

const longestRow = (rows: TokenRows) => rows.exampleIds.reduce((most, _, row) => Math.max(most, rowLength(rows, row)), 0)

type Model = Omit<Start, 'tokens'> & { readonly templateDigest?: string | undefined }

async function modelOf({ inputs, fail }: StageContext<TrainerParams>, mergeAdapter: boolean): Promise<Model> {
  const folder = await openModelFolder(inputs.model.path)
  const config = readConfig(folder.configJson, message => fail(message, 'model'))
  fitWeights(folder.dir, config, folder.weights)
  const weights = mergeAdapter && inputs.adapter ? await withAdapter(config, folder.weights, inputs.adapter.path) : folder.weights
  return { configJson: folder.configJson, config, weights, dtype: folder.dtype, generationConfig: folder.generationConfig, templateDigest: folder.templateDigest }
}

function freshModel({ family, config: given }: NonNullable<FullParams['init']>, { info }: TokensFolder, seed: number): Model {
  const configJson = {
    architectures: ['LlamaForCausalLM'], model_type: family, vocab_size: info.vocab_size, hidden_act: 'silu',
    bos_token_id: info.bos_id, eos_token_id: info.eos_id, pad_token_id: info.pad_id, ...given,
  }
  const config = parseLlamaConfig(configJson)
  return { configJson, config, weights: initializeLlama(config, seed), dtype: 'float32', generationConfig: undefined }
}

function readConfig(json: Readonly<Record<string, unknown>>, wrong: (message: string) => never): LlamaConfig {
  try {
    return parseLlamaConfig(json)
  } catch (error) {
    return wrong((error as Error).message)
  }
}

async function withAdapter(config: LlamaConfig, base: TensorSource, dir: string): Promise<TensorSource> {
  const adapter = await readAdapterFolder(dir)
  return mergeLora(config, base, adapter.weights, await fitAdapter(config, adapter))
}
