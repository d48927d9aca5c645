import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArtifactHandle, StageContext } from 'hone-engine'
import { chatMlTemplate, plainTemplate, prettyJson, trainByteLevelBpe } from 'hone-lm'
import type { TrainTokenizerParams } from './train.js'

const named: Readonly<Record<string, string>> = { chatml: chatMlTemplate, plain: plainTemplate }

export default async function run(context: StageContext<TrainTokenizerParams>): Promise<void> {
  const { params, inputs, outputs, signal, progress, metric, log, warn, fail } = context
  if (inputs.documents && inputs.rows) fail('takes documents or rows, not both')
  let count = 0
  let characters = 0
  async function* texts() {
    for await (const row of (inputs.documents ?? inputs.rows) as ArtifactHandle<Record<string, unknown>>) {
      if (count++ % 256 === 0) {
        await new Promise(done => setImmediate(done))
        progress(count - 1, undefined, 'rows', 'counting words')
      }
      for (const text of textsOf(row, count, params.columns, fail)) {
        characters += text.length
        yield text
      }
    }
  }
  const json = await trainByteLevelBpe(texts(), {
    vocabSize: params.vocab_size, specialTokens: params.special_tokens, minFrequency: params.min_frequency, splitDigits: params.split_digits, signal,
    onProgress: tokens => progress(tokens, params.vocab_size, 'tokens', 'merging'),
  })
  if (characters === 0) fail('there is no text to learn from')
  const learned = Object.keys(json.model.vocab as object).length
  if (learned < params.vocab_size) warn(`the text gives ${learned} tokens, fewer than vocab_size (${params.vocab_size})`)

  const dir = outputs.tokenizer!.path
  await writeFile(join(dir, 'tokenizer.json'), prettyJson(json))
  await writeFile(join(dir, 'tokenizer_config.json'), prettyJson({
    tokenizer_class: 'PreTrainedTokenizerFast',
    ...(params.bos_token !== undefined && { bos_token: params.bos_token }),
    eos_token: params.eos_token,
    pad_token: params.pad_token,
    additional_special_tokens: params.special_tokens.filter(t => ![params.bos_token, params.eos_token, params.pad_token].includes(t)),
    clean_up_tokenization_spaces: false,
  }))
  await writeFile(join(dir, 'chat_template.jinja'), named[params.template] ?? params.template)
  metric('vocab_size', learned)
  metric('characters', characters)
  log(`${learned} tokens from ${count} rows, ${characters} characters`)
}

/** What a row says: the named columns, else `text`, else the contents of its messages. */
function textsOf(row: Record<string, unknown>, number: number, columns: readonly string[] | undefined, fail: StageContext['fail']): string[] {
  const lacking = (column: string) => fail(`row ${number} has no text in the column "${column}"; its columns are ${Object.keys(row).join(', ')}`, 'columns')
  if (columns) return columns.map(column => (typeof row[column] === 'string' ? (row[column] as string) : lacking(column)))
  if (typeof row.text === 'string') return [row.text]
  if (Array.isArray(row.messages)) return (row.messages as { content?: unknown }[]).map(m => String(m.content ?? ''))
  return lacking('text')
}
