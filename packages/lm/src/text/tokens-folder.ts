import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { CheckpointError } from '../checkpoint/checkpoint-error.js'
import { copyTokenizerFiles, prettyJson, readJsonObject } from '../checkpoint/hugging-face.js'
import { openSafetensors } from '../checkpoint/safetensors.js'
import { writeSafetensors } from '../checkpoint/safetensors-write.js'
import type { TemplateOrigin } from './chat-template.js'
import type { TokenRows } from './types.js'

export type SplitName = 'train' | 'validation'
export const splitNames: readonly SplitName[] = ['train', 'validation']

export interface SplitCounts {
  readonly rows: number
  readonly tokens: number
  readonly supervised_tokens: number
}

/** tokens.json: what the trainer and generation must agree on. */
export interface TokensInfo {
  readonly format: 1
  /** See ChatTemplate; `none` for plain text. */
  readonly template_digest: string
  readonly template_origin: TemplateOrigin
  /** SHA-256 of tokenizer.json. */
  readonly tokenizer_digest: string
  /** One more than the largest id. A model needs at least as many embeddings. */
  readonly vocab_size: number
  readonly max_length: number
  readonly bos_id: number | null
  readonly eos_id: number | null
  readonly pad_id: number | null
  /** Every token that ends an answer. */
  readonly end_ids: readonly number[]
  readonly splits: Readonly<Partial<Record<SplitName, SplitCounts>>>
}

/** A line of rows.jsonl: row `row` of `split` came from the example `id`. */
export interface TokenRowSource {
  readonly split: SplitName
  readonly row: number
  readonly id: string
  readonly task?: string
  /** How it was cut to the greatest length. */
  readonly cut?: 'left' | 'right' | 'middle' | 'split'
}

export interface TokensToWrite {
  readonly info: TokensInfo
  readonly splits: Readonly<Partial<Record<SplitName, TokenRows>>>
  readonly rows: Iterable<TokenRowSource>
  /** The folder whose tokenizer files go along, so that a model trained on the tokens can be written whole. */
  readonly tokenizerDir: string
  /** The chat template, where it is not the tokenizer's own; stands beside the tokenizer as chat_template.jinja. */
  readonly chatTemplate?: string | undefined
}

/** The tokenizer's files of a tokens folder. */
export const tokensTokenizerDir = (dir: string): string => join(dir, 'tokenizer')

/** Writes a tokens folder: a safetensors file a split, rows.jsonl, tokens.json, and tokenizer/. */
export async function writeTokens(dir: string, { info, splits, rows, tokenizerDir, chatTemplate }: TokensToWrite): Promise<void> {
  await mkdir(dir, { recursive: true })
  for (const split of splitNames) {
    const data = splits[split]
    if (!data) continue
    await writeSafetensors(join(dir, `${split}.safetensors`), [
      { name: 'input_ids', shape: [data.ids.length], type: 'int32', data: data.ids },
      { name: 'loss_mask', shape: [data.mask.length], type: 'uint8', data: data.mask },
      { name: 'offsets', shape: [data.offsets.length], type: 'int32', data: Int32Array.from(data.offsets) },
    ])
  }
  const file = await open(join(dir, 'rows.jsonl'), 'w')
  try {
    let buffered = ''
    for (const row of rows) {
      buffered += `${JSON.stringify(row)}\n`
      if (buffered.length > 1 << 20) {
        await file.writeFile(buffered)
        buffered = ''
      }
    }
    await file.writeFile(buffered)
  } finally {
    await file.close()
  }
  await copyTokenizerFiles(tokenizerDir, tokensTokenizerDir(dir))
  if (chatTemplate !== undefined) await writeFile(join(tokensTokenizerDir(dir), 'chat_template.jinja'), chatTemplate)
  await writeFile(join(dir, 'tokens.json'), prettyJson(info))
}

export interface TokensFolder {
  readonly dir: string
  readonly info: TokensInfo
  readonly train: TokenRows
  readonly validation: TokenRows | undefined
  /** For writeModelFolder's `tokenizerFrom` and loadTokenizer. */
  readonly tokenizerDir: string
}

/** Reads a tokens folder whole. Throws CheckpointError where it contradicts itself. */
export async function readTokens(dir: string): Promise<TokensFolder> {
  const info = (await readJsonObject(join(dir, 'tokens.json'))) as unknown as TokensInfo
  if (info.format !== 1) {
    throw new CheckpointError(join(dir, 'tokens.json'), `is of format ${String(info.format)}, and this version reads format 1`)
  }
  const names = await readdir(dir)
  const exampleIds: Record<SplitName, string[]> = { train: [], validation: [] }
  for await (const line of createInterface({ input: createReadStream(join(dir, 'rows.jsonl')), crlfDelay: Infinity })) {
    if (line === '') continue
    const { split, row, id } = JSON.parse(line) as TokenRowSource
    exampleIds[split][row] = id
  }
  const readSplit = async (split: SplitName): Promise<TokenRows> => {
    const path = join(dir, `${split}.safetensors`)
    const file = await openSafetensors(path)
    const [ids, mask, offsets] = [await file.readInts('input_ids'), await file.readInts('loss_mask'), await file.readInts('offsets')]
    if (!(ids instanceof Int32Array) || !(mask instanceof Uint8Array) || !(offsets instanceof Int32Array)) {
      throw new CheckpointError(path, 'its tensors are not of the types int32, uint8, int32')
    }
    if (mask.length !== ids.length || offsets[0] !== 0 || offsets.at(-1) !== ids.length || offsets.length - 1 !== exampleIds[split].length) {
      throw new CheckpointError(path, 'its tensors and rows.jsonl do not fit together')
    }
    return { ids, mask, offsets, exampleIds: exampleIds[split] }
  }
  return {
    dir, info,
    train: await readSplit('train'),
    validation: names.includes('validation.safetensors') ? await readSplit('validation') : undefined,
    tokenizerDir: tokensTokenizerDir(dir),
  }
}
