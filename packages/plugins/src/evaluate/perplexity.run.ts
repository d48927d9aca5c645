import type { ArtifactHandle, StageContext } from 'hone-engine'
import { aggregateByTask, maskedTokens, measure, perplexityOf, TemplateError, type LanguageModel, type Measured, type TokensToMeasure } from 'hone-lm'
import { rowIds } from '../kinds/ids.js'
import type { Example, Message, Row } from '../kinds/kinds.js'
import { textOf, valueOf } from '../qa-convert/render.js'
import { openModel } from './open-model.js'
import { noBeginToken, type PerplexityParams } from './perplexity.js'
import { rememberedScores } from './remembered-scores.js'
import { writeMetrics } from './write-metrics.js'

const defaultWindow = 1024
/** Rows whose numbers are remembered together. */
const chunk = 64

interface Text {
  readonly id: string
  readonly task: string | undefined
  readonly tokens: TokensToMeasure
}

export default async function run(context: StageContext<PerplexityParams>): Promise<void> {
  const { params, outputs, fail } = context
  const model = await openModel(context)
  const { maxPositions } = model.config
  if (params.window !== undefined && params.window > maxPositions) fail(`must be ≤ ${maxPositions} (the model's context); got ${params.window}`, 'window')
  const texts = await readTexts(context, model)
  if (texts.length === 0) fail('There is no text to measure')
  const measured = await measureAll(context, model, texts, params.window ?? Math.min(defaultWindow, maxPositions))
  if (measured.every(m => m.tokens === 0)) fail('No token of these texts can be scored', 'prefix', 'A text of one token has nothing before it; "prefix: bos" puts something there.')
  for (const [i, { id, task }] of texts.entries()) {
    await outputs.predictions!.write({ id, ...(task !== undefined && { task }), tokens: measured[i]!.tokens, nll: measured[i]!.nll })
  }
  const rows = texts.map(({ task }, i) => ({ ...measured[i]!, ...(task !== undefined && { task }) }))
  await writeMetrics(context, aggregateByTask(rows.filter(row => row.tokens > 0), perplexityOf))
}

async function readTexts(context: StageContext<PerplexityParams>, model: LanguageModel): Promise<Text[]> {
  const { inputs, params, fail, signal } = context
  const source = (inputs.examples ?? inputs.documents ?? inputs.rows) as ArtifactHandle<Row>
  const { bosId } = model.tokenizer
  if (params.prefix === 'bos' && bosId === undefined) fail(noBeginToken.message, noBeginToken.param, noBeginToken.hint)
  const idOf = rowIds()
  const texts: Text[] = []
  for await (const row of source) {
    signal.throwIfAborted()
    const id = typeof row.id === 'string' ? row.id : idOf(row)
    const task = typeof row.task === 'string' ? row.task : undefined
    if (inputs.examples) {
      texts.push({ id, task, tokens: chatTokens(context, model, id, (row as unknown as Example).messages) })
      continue
    }
    const value = valueOf(row, params.text)
    if (value === undefined || value === null) fail(`Row ${texts.length + 1} has no column "${params.text}"; it has ${Object.keys(row).map(name => `"${name}"`).join(', ')}`, 'text')
    const text = textOf(value)
    texts.push({
      id, task,
      tokens: params.chat_template
        ? chatTokens(context, model, id, [{ role: 'assistant', content: text }])
        : { ids: [...(params.prefix === 'bos' ? [bosId!] : []), ...model.tokenizer.encode(text)] },
    })
  }
  return texts
}

/** A chat as the model was trained on chats: what the assistant says counts, with the token that ends it. */
function chatTokens({ fail }: StageContext, { tokenizer, template, endIds }: LanguageModel, id: string, messages: readonly Message[]): TokensToMeasure {
  try {
    const { ids, mask } = maskedTokens(tokenizer, template, { messages }, { trainOn: 'assistant', endIds })
    return { ids, mask }
  } catch (error) {
    if (error instanceof TemplateError) return fail(`${id}: ${error.message}`, 'template')
    throw error
  }
}

function measureAll(context: StageContext<PerplexityParams>, model: LanguageModel, texts: readonly Text[], window: number): Promise<Measured[]> {
  const rows = texts.map(({ tokens: { ids, mask } }) => ({ ids, ...(mask && { mask }) }))
  return rememberedScores(context, model, rows, { salt: { window }, chunk, unit: 'texts' }, async (scorer, missing) =>
    (await measure(scorer, missing, window, { signal: context.signal })).map(({ tokens, nll }) => ({ tokens, nll })))
}
