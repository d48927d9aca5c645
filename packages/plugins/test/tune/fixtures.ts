import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { initializeLlama, parseLlamaConfig, writeModelFolder, type FloatType } from 'hone-lm'
import { huggingface } from '../../src/tokenize/huggingface.js'
import { runStage } from '../context.js'

export const root = mkdtempSync(join(tmpdir(), 'hone tune '))
let made = 0
export const folder = () => {
  const dir = join(root, String(made++))
  mkdirSync(dir)
  return dir
}

export const tokenizerDir = folder()
cpSync(fileURLToPath(new URL('../../../../tests/golden/text/tokenizer.json', import.meta.url)), join(tokenizerDir, 'tokenizer.json'))
writeFileSync(join(tokenizerDir, 'tokenizer_config.json'), JSON.stringify({ eos_token: '<|im_end|>' }))

export const configJson = {
  architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: 16, num_attention_heads: 4, num_key_value_heads: 2, num_hidden_layers: 2,
  intermediate_size: 24, vocab_size: 420, max_position_embeddings: 128, tie_word_embeddings: true, initializer_range: 0.1,
}

/** A model of random weights with the tokenizer of the goldens. */
export async function baseModel(dtype: FloatType = 'float32', changes: object = {}): Promise<string> {
  const dir = folder()
  const json = { ...configJson, ...changes }
  const weights = initializeLlama(parseLlamaConfig(json), 1)
  await writeModelFolder(dir, {
    configJson: json, dtype, tokenizerFrom: tokenizerDir, generationConfig: { eos_token_id: 0, temperature: 0.5 },
    weights: weights.names.map(name => ({ name, shape: weights.shape(name), data: () => weights.read(name) })),
  })
  return dir
}

const colours = ['red', 'green', 'blue', 'white']
const examples = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({
    id: `e${from + i}`,
    messages: [{ role: 'user', content: `What colour is ${from + i}?` }, { role: 'assistant', content: colours[(from + i) % 4]! }],
  }))

/** A tokens folder of 24 questions, with 4 held out. */
export async function tokensFolder(validation = true, params: Record<string, unknown> = {}): Promise<string> {
  const ran = await runStage(huggingface, { inputs: { examples: examples(0, 24), ...(validation && { validation: examples(24, 28) }), model: tokenizerDir }, params: { template: 'chatml', ...params } })
  return ran.paths.tokens!
}
