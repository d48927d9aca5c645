import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { defineKind, type StageProblem } from 'hone-engine'
import { onHub } from './hub.js'

// The same as isModelFile and isTokenizerFile of hone-lm, which is too heavy to load for a plan; a test holds them together.
const tokenizerFile = /^(tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|added_tokens\.json|chat_template\.jinja|vocab\.json|merges\.txt|tokenizer\.model)$/
const modelFile = /^(config\.json|generation_config\.json|hone\.json|model\.safetensors\.index\.json|model(-\d+-of-\d+)?\.safetensors)$/
const isTokenizerFile = (path: string) => tokenizerFile.test(path)
const isModelFile = (path: string) => modelFile.test(path) || tokenizerFile.test(path)

/** What a look at the headers finds wrong, as a problem of the parameter that named it. */
async function problems(look: (lm: typeof import('hone-lm/headers')) => Promise<unknown>): Promise<readonly StageProblem[]> {
  const lm = await import('hone-lm/headers')
  try {
    await look(lm)
    return []
  } catch (error) {
    if (error instanceof lm.CheckpointError) return [{ message: error.message }]
    throw error
  }
}

/** Opens a folder's headers. Weights of other shapes than the config's, and a tokenizer that numbers more tokens than the embedding has rows, would end in the middle of the work. */
async function openWithTokenizer(lm: typeof import('hone-lm/headers'), path: string): Promise<void> {
  const { configJson, weights } = await lm.openModelFolder(path)
  const config = configOf(lm, configJson)
  if (config) lm.fitWeights(path, config, weights)
  const rows = configJson.vocab_size
  // A GGUF file holds both in one; a model without a tokenizer can be one to start from.
  if (typeof rows !== 'number' || !existsSync(join(path, 'tokenizer.json'))) return
  const { vocabSize } = await lm.loadTokenizer(path)
  if (vocabSize > rows) throw new lm.CheckpointError(join(path, 'tokenizer.json'), `does not fit the model: it has ${vocabSize} tokens, config.json says ${rows}`)
}

/** None of a model that hone does not compute with: a plugin may. */
function configOf(lm: typeof import('hone-lm/headers'), configJson: object) {
  try {
    return lm.parseLlamaConfig(configJson)
  } catch {
    return undefined
  }
}

const isAdapterFile = (path: string) => path === 'adapter_config.json' || path === 'adapter_model.safetensors'

// What ends an answer stands in generation_config.json, and tokenizing must know it.
const isTokenizerViewFile = (path: string) => isTokenizerFile(path) || path === 'generation_config.json'

const modelFiles = (paths: readonly string[], view: string | undefined) => paths.filter(view === 'tokenizer' ? isTokenizerViewFile : isModelFile)
const adapterFiles = (paths: readonly string[]) => paths.filter(isAdapterFile)
const tokenizerFiles = (paths: readonly string[]) => paths.filter(isTokenizerFile)

/** The view `tokenizer` holds what tokenizing reads, so that new weights do not tokenize again. */
export const model = defineKind({
  id: 'model',
  summary: 'A Hugging Face model folder (config, safetensors, tokenizer, chat template), or a GGUF file.',
  form: 'folder',
  files: modelFiles,
  resolve: onHub(modelFiles),
  check: (path, view) => problems(lm => (view === 'tokenizer' ? lm.loadTokenizer(path) : openWithTokenizer(lm, path))),
})

export const adapter = defineKind({
  id: 'adapter',
  summary: 'A PEFT LoRA folder: adapter_config.json and adapter_model.safetensors.',
  form: 'folder',
  files: adapterFiles,
  resolve: onHub(adapterFiles),
  check: path => problems(lm => lm.readAdapterFolder(path)),
})

export const tokenizer = defineKind({
  id: 'tokenizer',
  summary: 'tokenizer.json with what stands beside it: tokenizer_config.json and the chat template.',
  form: 'folder',
  files: tokenizerFiles,
  resolve: onHub(tokenizerFiles),
  check: path => problems(lm => lm.loadTokenizer(path)),
})
