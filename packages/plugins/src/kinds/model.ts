import { defineKind, type StageProblem } from '@hone/engine'
import { CheckpointError, isModelFile, isTokenizerFile, loadTokenizer, openModelFolder, readAdapterFolder } from '@hone/lm'

/** What a look at the headers finds wrong, as a problem of the parameter that named it. */
async function problems(look: () => Promise<unknown>): Promise<readonly StageProblem[]> {
  try {
    await look()
    return []
  } catch (error) {
    if (error instanceof CheckpointError) return [{ message: error.message }]
    throw error
  }
}

const isAdapterFile = (path: string) => path === 'adapter_config.json' || path === 'adapter_model.safetensors'

// What ends an answer stands in generation_config.json, and tokenizing must know it.
const isTokenizerViewFile = (path: string) => isTokenizerFile(path) || path === 'generation_config.json'

/** The view `tokenizer` holds what tokenizing reads, so that new weights do not tokenize again. */
export const model = defineKind({
  id: 'model',
  summary: 'A Hugging Face model folder: config, safetensors, tokenizer, chat template.',
  form: 'folder',
  files: (paths, view) => paths.filter(view === 'tokenizer' ? isTokenizerViewFile : isModelFile),
  check: (path, view) => problems(() => (view === 'tokenizer' ? loadTokenizer(path) : openModelFolder(path))),
})

export const adapter = defineKind({
  id: 'adapter',
  summary: 'A PEFT LoRA folder: adapter_config.json and adapter_model.safetensors.',
  form: 'folder',
  files: paths => paths.filter(isAdapterFile),
  check: path => problems(() => readAdapterFolder(path)),
})

export const tokenizer = defineKind({
  id: 'tokenizer',
  summary: 'tokenizer.json with what stands beside it: tokenizer_config.json and the chat template.',
  form: 'folder',
  files: paths => paths.filter(isTokenizerFile),
  check: path => problems(() => loadTokenizer(path)),
})
