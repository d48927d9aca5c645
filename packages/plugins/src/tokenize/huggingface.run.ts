import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArtifactHandle, StageContext } from 'hone-engine'
import {
  chatTemplateFor, CheckpointError, endIds, isGguf, loadTokenizer, maskedTokens, openGguf,
  readJsonObject, sha256, TemplateError, TokenRowsBuilder, writeTokens,
  type ChatTemplate, type LoadedTokenizer, type MaskedTokens, type Message, type SplitName, type TokenRowSource,
} from 'hone-lm'
import { chosenTemplate } from '../chosen-template.js'
import { exampleHint } from './check-tokenizing.js'
import { cutRow, type Row } from './cut.js'
import type { TokenizeParams } from './huggingface.js'
import { tokenizeReport } from './huggingface.report.js'
import { countRoles, proofExample, proofText, type CutRow, type MaskProof, type ProofExample, type RoleCounts } from './mask-proof.js'

const shown = 10

/** What a row of the input gives: a conversation, or the text of a document as one. */
interface Source {
  readonly id: string
  readonly messages: readonly Message[]
  readonly tools?: unknown
  readonly task?: string
}

export default async function run(context: StageContext<TokenizeParams>): Promise<void> {
  const { params, inputs, outputs, metric, log, warn, fail } = context
  const from = (inputs.tokenizer ?? inputs.model) as ArtifactHandle | undefined
  if (!from) fail('has no tokenizer: name a model with "model", or feed the port "tokenizer"', 'model')
  const dir = await tokenizerFolder(from!.path, context.scratch)
  const { tokenizer, ends } = await openTokenizer(dir, fail)
  const template = chatTemplate(tokenizer, chosenTemplate(context), fail)
  if (template.origin === 'default') warn(`the model has no chat template; the default one is used and goes along with what is trained`)
  if (ends.size === 0 && params.truncation !== 'split') {
    fail(
      'the tokenizer has no end-of-sequence token, so a tuned model would never stop',
      'model',
      'Name one as "eos_token" in tokenizer_config.json.',
    )
  }

  const collected = new Collector(context, tokenizer, template, ends)
  const builders: Partial<Record<SplitName, TokenRowsBuilder>> = {}
  for (const [split, handle] of [['train', inputs.examples], ['validation', inputs.validation]] as const) {
    if (!handle) continue
    const builder = (builders[split] = new TokenRowsBuilder())
    for await (const source of sources(handle as ArtifactHandle, template, fail)) await collected.add(split, builder, source)
    const { rows, cut } = collected.counts[split]
    if (rows === 0) fail(`the ${split === 'train' ? 'examples' : 'validation examples'} are empty`)
    if (params.truncation !== 'split' && cut > params.max_cut * rows) {
      fail(
        `${cut} of the ${rows} rows of ${split} were cut or left out, more than max_cut allows (${params.max_cut}); ` +
          `the longest has ${collected.longest} tokens, max_length is ${params.max_length}`,
        'max_length',
        'Raise max_length, choose another truncation, or raise max_cut.',
      )
    }
    if (builder.supervised === 0) {
      fail(`no token of ${split} is learned`, 'train_on', 'See that the examples have answers whose weight is not 0.')
    }
  }

  const countsOf = ({ rows, tokens, supervised }: TokenRowsBuilder) => ({ rows, tokens, supervised_tokens: supervised })
  const splits = Object.fromEntries(Object.entries(builders).map(([split, builder]) => [split, countsOf(builder)]))
  await writeTokens(outputs.tokens!.path, {
    info: {
      format: 1,
      template_digest: template.digest,
      template_origin: template.origin,
      tokenizer_digest: sha256(await readFile(join(dir, 'tokenizer.json'))),
      vocab_size: tokenizer.vocabSize,
      max_length: params.max_length,
      bos_id: tokenizer.bosId ?? null,
      eos_id: tokenizer.eosId ?? null,
      pad_id: tokenizer.padId ?? null,
      end_ids: [...ends].sort((a, b) => a - b),
      splits,
    },
    splits: Object.fromEntries(Object.entries(builders).map(([split, b]) => [split, b.finish()])),
    rows: collected.sources,
    tokenizerDir: dir,
    chatTemplate: template.source,
  })
  const proof: MaskProof = {
    template: { origin: template.origin, digest: template.digest, source: template.source ?? null },
    train_on: params.train_on, splits, roles: collected.roles, straddling: collected.straddling, cut: collected.cut, examples: collected.examples,
  }
  await writeFile(join(outputs.proof!.path, 'proof.txt'), proofText(proof))
  await writeFile(join(outputs.proof!.path, 'proof.json'), `${JSON.stringify(proof, null, 2)}\n`)
  await writeFile(outputs.report!.path, tokenizeReport(proof, collected.lengths))

  const { train, validation } = builders
  metric('rows', train!.rows)
  metric('tokens', train!.tokens)
  metric('supervised_tokens', train!.supervised)
  metric('cut_rows', collected.cut.length)
  if (validation) metric('validation_rows', validation.rows)
  const cutRows = collected.cut.length
  log(`${train!.rows} rows, ${train!.tokens} tokens, ${train!.supervised} of them learned${cutRows ? `; ${cutRows} rows cut or left out` : ''}`)
  const straddling = Object.values(collected.straddling).reduce((a, b) => a + b, 0)
  if (straddling > 0) warn(`${straddling} tokens lie half inside an answer and are not learned; the proof lists them`)
}

async function openTokenizer(dir: string, fail: StageContext['fail']): Promise<{ tokenizer: LoadedTokenizer; ends: ReadonlySet<number> }> {
  try {
    const tokenizer = await loadTokenizer(dir)
    const hasConfig = (await readdir(dir)).includes('generation_config.json')
    return { tokenizer, ends: endIds(tokenizer, hasConfig ? await readJsonObject(join(dir, 'generation_config.json')) : undefined) }
  } catch (error) {
    if (error instanceof CheckpointError) return fail(error.message, 'model')
    throw error
  }
}

/** The folder of the tokenizer's files; a GGUF file's are written out first. */
async function tokenizerFolder(path: string, scratch: string): Promise<string> {
  if (!isGguf(path)) return path
  const dir = join(scratch, 'tokenizer')
  await mkdir(dir, { recursive: true })
  const { tokenizerFiles, generationConfig } = await openGguf(path)
  for (const [name, content] of Object.entries(tokenizerFiles())) await writeFile(join(dir, name), content)
  await writeFile(join(dir, 'generation_config.json'), JSON.stringify(generationConfig))
  return dir
}

function chatTemplate(tokenizer: LoadedTokenizer, given: string | undefined, fail: StageContext['fail']): ChatTemplate {
  try {
    return chatTemplateFor(tokenizer, given)
  } catch (error) {
    if (error instanceof TemplateError) return fail(error.message, 'template')
    throw error
  }
}

/** The rows of a port as conversations. A document is one answer, which is what plain text learns. */
async function* sources(handle: ArtifactHandle, template: ChatTemplate, fail: StageContext['fail']): AsyncGenerator<Source> {
  let number = 0
  for await (const row of handle as AsyncIterable<Record<string, unknown>>) {
    number++
    const id = typeof row.id === 'string' ? row.id : `row ${number}`
    if (Array.isArray(row.messages)) {
      const messages = row.messages as Message[]
      if (messages.length === 0 || !messages.every(m => typeof m?.role === 'string' && typeof m.content === 'string')) {
        fail(`row ${number} (${id}): each message must have "role" and "content"`)
      }
      yield { id, messages, ...(row.tools !== undefined && { tools: row.tools }), ...(typeof row.task === 'string' && { task: row.task }) }
    } else if (typeof row.text === 'string') {
      if (template.origin !== 'none') {
        fail(
          `row ${number} (${id}) is a document, and a chat template needs messages`,
          'template',
          'Set "template: none" to learn plain text, or make examples with qa-convert/template.',
        )
      }
      yield { id, messages: [{ role: 'assistant', content: row.text }], ...(typeof row.task === 'string' && { task: row.task }) }
    } else fail(`row ${number} (${id}) has neither "messages" nor "text"; its columns are ${Object.keys(row).join(', ')}`, undefined, exampleHint)
  }
}

/** Tokenizes one row after the other and keeps account of what became of each. */
class Collector {
  readonly roles: RoleCounts = {}
  readonly straddling: Record<string, number> = {}
  readonly cut: CutRow[] = []
  readonly examples: ProofExample[] = []
  readonly sources: TokenRowSource[] = []
  readonly lengths: number[] = []
  readonly counts = { train: { rows: 0, cut: 0 }, validation: { rows: 0, cut: 0 } }
  longest = 0
  readonly #context: StageContext<TokenizeParams>
  readonly #tokenizer: LoadedTokenizer
  readonly #template: ChatTemplate
  readonly #ends: ReadonlySet<number>

  constructor(context: StageContext<TokenizeParams>, tokenizer: LoadedTokenizer, template: ChatTemplate, ends: ReadonlySet<number>) {
    this.#context = context
    this.#tokenizer = tokenizer
    this.#template = template
    this.#ends = ends
  }

  async add(split: SplitName, builder: TokenRowsBuilder, source: Source): Promise<void> {
    const { params, signal, progress, fail } = this.#context
    const counts = this.counts[split]
    if (counts.rows++ % 256 === 0) {
      // Lets an interrupt and the display in.
      await new Promise(done => setImmediate(done))
      signal.throwIfAborted()
      progress(this.lengths.length, undefined, 'rows', split)
    }
    const masked = this.#tokens(source)
    const { length } = masked.ids
    this.lengths.push(length)
    this.longest = Math.max(this.longest, length)
    countRoles(this.roles, source.messages, masked)
    for (const i of masked.straddling) {
      const text = masked.text.slice(...masked.offsets[i]!)
      this.straddling[text] = (this.straddling[text] ?? 0) + 1
    }
    const isTooLong = length > params.max_length
    if (isTooLong && params.truncation === 'error') {
      fail(`the example ${source.id} has ${length} tokens, max_length is ${params.max_length}`, 'max_length')
    }
    const pieces: Row[] = isTooLong ? cutRow(masked, params.max_length, params.truncation as 'drop') : [masked]
    const kept = pieces.filter(p => p.mask.includes(1))
    if (kept.length === 0 || isTooLong) {
      counts.cut++
      const action = kept.length > 0 ? (params.truncation as 'left') : isTooLong && params.truncation === 'drop' ? 'dropped' : 'unsupervised'
      this.cut.push({ id: source.id, split, tokens: length, action })
    }
    for (const piece of kept) {
      this.sources.push({
        split, row: builder.rows, id: source.id, ...(source.task !== undefined && { task: source.task }),
        ...(isTooLong && { cut: params.truncation as 'left' }),
      })
      builder.add(piece.ids, piece.mask, source.id)
      if (this.examples.length < shown && split === 'train') this.examples.push(proofExample(this.#tokenizer, split, source.id, piece))
    }
  }

  #tokens(source: Source): MaskedTokens {
    const { params, fail } = this.#context
    try {
      const masked = maskedTokens(this.#tokenizer, this.#template, source, { trainOn: params.train_on, endIds: this.#ends, tools: source.tools })
      const unended = masked.unended[0]
      if (unended !== undefined && params.truncation !== 'split') {
        const ends = [...this.#ends].map(id => this.#tokenizer.tokenOf(id)).join(' or ')
        fail(`the answer in message ${unended + 1} of ${source.id} does not end with ${ends}, so a tuned model would not learn to stop`,
          'template', 'Use a template that writes the end token after an answer (inside {% generation %} where it has that), such as plain.')
      }
      return masked
    } catch (error) {
      if (error instanceof TemplateError) return fail(`the example ${source.id}: ${error.message}`, 'template')
      throw error
    }
  }
}
