import { open, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { CheckContext, StageProblem } from 'hone-engine'

export const exampleHint = 'qa-convert/template makes examples of rows: of the columns "question" and "answer", for one, or of those that its templates name.'

/** Whether the rows can be examples or documents, by the first of a file that comes in as it is. */
export async function checkRows({ upstream }: CheckContext): Promise<readonly StageProblem[]> {
  const problems: StageProblem[] = []
  for (const { stage, uses, params, inputs } of [...(upstream.examples ?? []), ...(upstream.validation ?? [])]) {
    const path = uses === 'ingest/table' ? inputs.file?.[0]?.path : undefined
    const columns = path === undefined ? undefined : await columnsOf(path, (params.format as string | undefined) ?? extname(path).slice(1).toLowerCase())
    if (!columns || columns.includes('messages') || columns.includes('text')) continue
    problems.push({ message: `"${stage}" gives rows with neither "messages" nor "text"; their columns are ${columns.join(', ')}`, hint: exampleHint })
  }
  return problems
}

const looksAt = 1 << 16

/** Of the first row, where it is cheap to read; undefined of one that is not, or is faulty, which the stage that reads it tells. */
async function columnsOf(path: string, format: string): Promise<readonly string[] | undefined> {
  const file = await open(path).catch(() => undefined)
  if (!file) return undefined
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(looksAt), 0, looksAt, 0)
    const [first, rest] = buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '').split('\n', 2)
    if (rest === undefined || first!.trim() === '') return undefined
    if (format === 'csv' || format === 'tsv') return first!.includes('"') ? undefined : first!.trimEnd().split(format === 'csv' ? ',' : '\t')
    return format === 'jsonl' || format === 'ndjson' ? Object.keys(JSON.parse(first!) as object) : undefined
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}

/** Rows that are longer than the model takes would end the training. */
export async function checkLength({ params: { max_length }, inputs }: CheckContext<{ max_length: number }>): Promise<readonly StageProblem[]> {
  const model = inputs.model?.[0]
  if (!model) return []
  // A GGUF file has none, and neither need a folder that only the tokenizer is read of.
  const config = await readFile(join(model.path, 'config.json'), 'utf8').then(text => JSON.parse(text) as { max_position_embeddings?: unknown }, () => undefined).catch(() => undefined)
  const most = config?.max_position_embeddings
  if (typeof most !== 'number' || max_length <= most) return []
  return [{ message: `"max_length" is ${max_length}, and ${model.reference} takes ${most} tokens: rows that are longer end the training`, param: 'max_length', hint: `Set "max_length" to at most ${most}.`, severity: 'warning' }]
}
