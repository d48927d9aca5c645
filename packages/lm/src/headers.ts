// `hone-lm/headers`: what a plan looks at of models, tokenizers and adapters. It loads neither an engine nor tensors, which take longer than the rest of a plan.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { tokenizerFiles } from './checkpoint/hugging-face.js'
import { loadTokenizer as load, type LoadedTokenizer } from './text/load-tokenizer.js'

export { CheckpointError } from './checkpoint/checkpoint-error.js'
export { openModelFolder } from './checkpoint/hugging-face.js'
export { readAdapterFolder } from './checkpoint/peft.js'
export { fitWeights } from './model/fit-weights.js'
export { parseLlamaConfig, type LlamaConfig } from './model/llama-config.js'
export { mergesOthers, numbersOthers } from './text/numbers-others.js'
export { loraTargets, wholeParameters } from './model/lora-parameters.js'

const loaded = new Map<string, { readonly stamp: string; readonly tokenizer: Promise<LoadedTokenizer> }>()

/** As that of hone-lm. What stands at the path is loaded once as long as its files are as they were: kinds and stages of one plan ask for it again and again. */
export function loadTokenizer(path: string): Promise<LoadedTokenizer> {
  const stamp = ['', ...tokenizerFiles].map(name => stampOf(join(path, name))).join()
  const known = loaded.get(path)
  if (known?.stamp === stamp) return known.tokenizer
  const tokenizer = load(path)
  loaded.set(path, { stamp, tokenizer })
  return tokenizer
}

function stampOf(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch {
    return ''
  }
}
