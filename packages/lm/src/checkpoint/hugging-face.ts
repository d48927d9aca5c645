import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { TensorSource } from '../tensor/types.js'
import { CheckpointError } from './checkpoint-error.js'
import { isGguf, openGguf } from './gguf.js'
import { readSafetensorsHeader, type TensorPlace } from './safetensors-header.js'
import { storedTensors, type StoredTensors } from './safetensors.js'
import { writeSafetensors, type FloatType, type TensorEntry } from './safetensors-write.js'

/** The files that make a tokenizer, chat template included. What stands in a model folder beside these is not read for it. */
export const tokenizerFiles = [
  'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json', 'chat_template.jinja',
  'vocab.json', 'merges.txt', 'tokenizer.model',
] as const

/** Says with which chat template (by digest) a model was trained. Generating with another is refused. */
export const honeFile = 'hone.json'

const weightsFile = /^model(-\d+-of-\d+)?\.safetensors$/

/** Whether a file of a model folder is part of the model; a README is not. `path` is relative, with `/`. */
export const isModelFile = (path: string): boolean =>
  path === 'config.json' || path === 'generation_config.json' || path === 'model.safetensors.index.json' || path === honeFile ||
  weightsFile.test(path) || isTokenizerFile(path)
export const isTokenizerFile = (path: string): boolean => (tokenizerFiles as readonly string[]).includes(path)

export interface ModelFolder {
  readonly dir: string
  /** config.json as it stands. */
  readonly configJson: Record<string, unknown>
  readonly weights: TensorSource
  /** What most of the weights are stored in. */
  readonly dtype: FloatType
  readonly generationConfig: Record<string, unknown> | undefined
  /** The digest of the chat template that it was trained with, where hone trained it. */
  readonly templateDigest: string | undefined
  /** Names of the files that are part of the model and are there. */
  readonly files: readonly string[]
}

/** Reads a JSON object. Throws CheckpointError where it is missing or broken. */
export async function readJsonObject(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CheckpointError(path, error.code === 'ENOENT' ? 'is not there' : `cannot be read (${error.code ?? error.message})`)
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new CheckpointError(path, `is no JSON: ${(error as Error).message}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new CheckpointError(path, 'is no JSON object')
  return value as Record<string, unknown>
}

async function listFiles(dir: string): Promise<string[]> {
  return (await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    throw new CheckpointError(
      dir,
      error.code === 'ENOENT' ? 'there is no such folder' : error.code === 'ENOTDIR' ? 'is not a folder' : `cannot be read (${error.code})`,
    )
  })).sort()
}

/** The header of each file that holds weights, checked: one file, or the shards that model.safetensors.index.json names. */
async function openWeights(dir: string, files: readonly string[]): Promise<StoredTensors> {
  const places = new Map<string, { path: string; place: TensorPlace }>()
  const addFile = async (name: string) => {
    const path = join(dir, name)
    for (const [tensor, place] of (await readSafetensorsHeader(path)).tensors) places.set(tensor, { path, place })
  }
  if (files.includes('model.safetensors')) await addFile('model.safetensors')
  else if (files.includes('model.safetensors.index.json')) {
    const indexPath = join(dir, 'model.safetensors.index.json')
    const map = (await readJsonObject(indexPath)).weight_map
    if (typeof map !== 'object' || map === null) throw new CheckpointError(indexPath, 'lacks "weight_map"')
    for (const shard of [...new Set(Object.values(map as Record<string, string>))].sort()) {
      if (basename(shard) !== shard) {
        throw new CheckpointError(indexPath, `names the shard "${shard}", which is outside the folder`)
      }
      if (!files.includes(shard)) {
        throw new CheckpointError(
          join(dir, shard),
          'is not there, and model.safetensors.index.json names it. Fetch the missing shard',
        )
      }
      await addFile(shard)
    }
    for (const [tensor, shard] of Object.entries(map as Record<string, string>)) {
      if (places.get(tensor)?.path !== join(dir, shard)) {
        throw new CheckpointError(
          join(dir, shard),
          `lacks the tensor "${tensor}", which model.safetensors.index.json places there`,
        )
      }
    }
  } else {
    const other = files.find(f => /\.(bin|pt|pth|h5|gguf)$/.test(f))
    throw new CheckpointError(
      join(dir, 'model.safetensors'),
      `is not there${other ? `; "${other}" is of a format that is not read from a model folder, save it as safetensors` : ''}`,
    )
  }
  return storedTensors(places, dir)
}

/** What most of the weights (by elements) are stored in. */
function commonType(dir: string, weights: StoredTensors): FloatType {
  const elements = { float32: 0, float16: 0, bfloat16: 0 }
  for (const name of weights.names) {
    const n = weights.shape(name).reduce((a, b) => a * b, 1)
    const type = weights.type(name)
    if (type === 'F32' || type === 'F64') elements.float32 += n
    else if (type === 'F16') elements.float16 += n
    else if (type === 'BF16') elements.bfloat16 += n
  }
  const best = (Object.entries(elements) as [FloatType, number][]).sort((a, b) => b[1] - a[1])[0]!
  if (best[1] === 0) throw new CheckpointError(dir, 'holds no floating point weights')
  return best[0]
}

/**
 * Opens a Hugging Face model folder, or a GGUF file as one. Headers are checked, weights are read when asked for. Throws
 * CheckpointError.
 */
export async function openModelFolder(dir: string): Promise<ModelFolder> {
  if (isGguf(dir)) {
    const { configJson, weights, dtype, generationConfig } = await openGguf(dir)
    return { dir, configJson, weights, dtype, generationConfig, templateDigest: undefined, files: [basename(dir)] }
  }
  const files = await listFiles(dir)
  const configJson = await readJsonObject(join(dir, 'config.json'))
  const weights = await openWeights(dir, files)
  const hone = files.includes(honeFile) ? await readJsonObject(join(dir, honeFile)) : {}
  return {
    dir,
    configJson,
    weights,
    dtype: commonType(dir, weights),
    generationConfig: files.includes('generation_config.json') ? await readJsonObject(join(dir, 'generation_config.json')) : undefined,
    templateDigest: typeof hone.template_digest === 'string' ? hone.template_digest : undefined,
    files: files.filter(isModelFile),
  }
}

/** Copies the tokenizer's files (those that are there) from a folder, or writes those of a GGUF file. Answers their names. */
export async function copyTokenizerFiles(from: string, to: string): Promise<string[]> {
  await mkdir(to, { recursive: true })
  if (isGguf(from)) {
    const files = Object.entries((await openGguf(from)).tokenizerFiles())
    for (const [name, content] of files) await writeFile(join(to, name), content)
    return files.map(([name]) => name)
  }
  const names = (await listFiles(from)).filter(isTokenizerFile)
  for (const name of names) await copyFile(join(from, name), join(to, name))
  return names
}

export interface ModelToWrite {
  readonly configJson: Readonly<Record<string, unknown>>
  readonly weights: Iterable<TensorEntry>
  readonly dtype: FloatType
  readonly generationConfig?: Readonly<Record<string, unknown>> | undefined
  /** A folder (or GGUF file) whose tokenizer files are copied, or their contents by name. */
  readonly tokenizerFrom?: string | Readonly<Record<string, string | Uint8Array>> | undefined
  readonly templateDigest?: string | undefined
  /** Other files by name. */
  readonly extra?: Readonly<Record<string, string | Uint8Array>>
}

/** JSON as transformers writes it: two spaces and a line end. */
export const prettyJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** Writes a model folder that transformers opens. `dtype` stands in config.json under the key that the config uses already. */
export async function writeModelFolder(dir: string, model: ModelToWrite): Promise<void> {
  await mkdir(dir, { recursive: true })
  const dtypeKey = 'torch_dtype' in model.configJson && !('dtype' in model.configJson) ? 'torch_dtype' : 'dtype'
  await writeFile(join(dir, 'config.json'), prettyJson({ ...model.configJson, [dtypeKey]: model.dtype }))
  if (model.generationConfig) await writeFile(join(dir, 'generation_config.json'), prettyJson(model.generationConfig))
  if (typeof model.tokenizerFrom === 'string') await copyTokenizerFiles(model.tokenizerFrom, dir)
  else for (const [name, content] of Object.entries(model.tokenizerFrom ?? {})) await writeFile(join(dir, name), content)
  if (model.templateDigest !== undefined) await writeFile(join(dir, honeFile), prettyJson({ template_digest: model.templateDigest }))
  for (const [name, content] of Object.entries(model.extra ?? {})) await writeFile(join(dir, name), content)
  await writeSafetensors(join(dir, 'model.safetensors'), model.weights, { dtype: model.dtype, metadata: { format: 'pt' } })
}

/** SHA-256 of a text, as hex. */
export const sha256 = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex')
