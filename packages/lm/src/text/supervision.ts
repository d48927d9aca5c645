import { TemplateError, type ChatTemplate, type RenderOptions, type Span } from './chat-template.js'
import type { LoadedTokenizer } from './load-tokenizer.js'
import type { Example, Message } from './types.js'

/** Which messages are learned: every answer, the last one alone, or all that stands in the text. */
export type TrainOn = 'assistant' | 'last' | 'all'

/** A rendered conversation: what is supervised, and which answer each span belongs to. */
export interface SupervisedText {
  readonly text: string
  readonly spans: readonly { readonly start: number; readonly end: number; readonly message: number }[]
}

/** Ids, and 1 where a token is supervised. */
export interface MaskedTokens {
  readonly ids: readonly number[]
  readonly mask: readonly (0 | 1)[]
  readonly offsets: readonly Span[]
  readonly text: string
  /** Tokens that lie half in a supervised span. They are not supervised. */
  readonly straddling: readonly number[]
  /** Messages whose supervised span does not end with a token that ends a text. */
  readonly unended: readonly number[]
}

/**
 * Where each answer lies in the rendered text, with the token that ends the turn. By {% generation %} where the template has it;
 * else the text up to the answer is rendered alone, and must be how the whole begins. Throws TemplateError.
 */
export function answerSpans(template: ChatTemplate, messages: readonly Message[], options: RenderOptions = {}): SupervisedText {
  const answers = messages.flatMap((m, i) => (m.role === 'assistant' ? [i] : []))
  if (template.origin === 'none') {
    let at = 0
    const all = messages.map((m, i) => ({ start: at, end: (at += m.content.length), message: i }))
    return { text: template.render(messages), spans: all.filter(s => messages[s.message]!.role === 'assistant') }
  }
  if (template.marksGeneration) {
    const { text, spans } = template.renderMarked(messages, options)
    if (spans.length !== answers.length) {
      throw new TemplateError(`the chat template marks ${spans.length} answers with {% generation %}, the conversation has ${answers.length}`)
    }
    return { text, spans: spans.map(([start, end], i) => ({ start, end, message: answers[i]! })) }
  }
  const text = template.render(messages, options)
  return { text, spans: answers.map(i => ({ ...spanByPrefix(template, messages, i, text, options), message: i })) }
}

function spanByPrefix(
  template: ChatTemplate,
  messages: readonly Message[],
  index: number,
  whole: string,
  options: RenderOptions,
): { start: number; end: number } {
  const cannot = (why: string) =>
    new TemplateError(
      `where message ${index + 1} lies cannot be told: ${why}. ` +
        'A template that marks answers with {% generation %} … {% endgeneration %} can be given instead',
    )
  const attempt = (upTo: number, addGenerationPrompt: boolean) => {
    try {
      return template.render(messages.slice(0, upTo), { ...options, addGenerationPrompt })
    } catch {
      return undefined
    }
  }
  const upToHere = index === messages.length - 1 ? whole : attempt(index + 1, false)
  if (upToHere === undefined || !whole.startsWith(upToHere)) throw cannot('the template writes it differently when more follows')
  const prompt = attempt(index, true)
  let start: number
  if (prompt !== undefined && upToHere.startsWith(prompt)) start = prompt.length
  else {
    // The prompt for an answer may hold more than what stands before a given one, such as the start of a thought.
    const before = attempt(index, false)
    const content = messages[index]!.content.trim()
    start = before !== undefined && upToHere.startsWith(before) ? upToHere.indexOf(content, before.length) : -1
    if (start < 0) throw cannot('the text up to it is not how the whole begins')
  }
  // A line end after the token that ends the turn is the template's, not the answer's.
  const trimmed = upToHere.trimEnd().length
  return { start, end: trimmed > start ? trimmed : upToHere.length }
}

/** Ids that a model may end a text with. */
export type EndIds = ReadonlySet<number>

export interface MaskOptions extends RenderOptions {
  readonly trainOn: TrainOn
  readonly endIds: EndIds
}

/** Tokenizes an example and says which tokens are learned. Messages of weight 0 are not. Throws TemplateError. */
export function maskedTokens(
  tokenizer: LoadedTokenizer,
  template: ChatTemplate,
  { messages }: Pick<Example, 'messages'>,
  options: MaskOptions,
): MaskedTokens {
  const rendered = answerSpans(template, messages, options)
  const { ids, offsets } = tokenizer.encodeWithOffsets(rendered.text)
  const answers = rendered.spans.filter(s => messages[s.message]!.weight !== 0)
  const lastAnswer = rendered.spans.at(-1)?.message
  const chosen = options.trainOn === 'last' ? answers.filter(s => s.message === lastAnswer) : answers
  const ended = template.origin === 'none'
    ? { ids: [...tokenizer.surrounding.before, ...ids], offsets: [...tokenizer.surrounding.before.map((): Span => [0, 0]), ...offsets] }
    : { ids, offsets }
  const mask = Array.from(ended.ids, (): 0 | 1 => 0)
  const straddling: number[] = []
  const unended: number[] = []
  if (options.trainOn === 'all') {
    ended.offsets.forEach(([from, to], i) => (mask[i] = to > from ? 1 : 0))
    const silenced = silencedSpans(template, messages, rendered)
    ended.offsets.forEach(([from, to], i) => {
      if (silenced.some(s => from < s.end && to > s.start)) mask[i] = 0
    })
  }
  for (const span of chosen) {
    let last: number | undefined
    ended.offsets.forEach(([from, to], i) => {
      if (to <= from || to <= span.start || from >= span.end) return
      if (from >= span.start && to <= span.end) {
        mask[i] = 1
        last = i
      } else if (options.trainOn !== 'all') {
        mask[i] = 0
        straddling.push(i)
      }
    })
    if (last === undefined || !options.endIds.has(ended.ids[last]!)) unended.push(span.message)
  }
  if (template.origin !== 'none') return { ...ended, mask, text: rendered.text, straddling, unended }
  return { ...withEnd(tokenizer, ended, mask, rendered.text, options, messages), text: rendered.text, straddling, unended: [] }
}

/** Spans of messages with weight 0, for `train_on: all`. */
function silencedSpans(template: ChatTemplate, messages: readonly Message[], rendered: SupervisedText): { start: number; end: number }[] {
  const answers = rendered.spans.filter(s => messages[s.message]!.weight === 0)
  let at = 0
  const others = messages.flatMap((m, i) => {
    // Plain text is the contents side by side; in a template a message is found by its content, in order.
    const start = template.origin === 'none' ? at : Math.max(at, rendered.text.indexOf(m.content.trim(), at))
    at = start + m.content.trim().length
    if (template.origin === 'none') at = start + m.content.length
    return m.weight === 0 && m.role !== 'assistant' ? [{ start, end: at, message: i }] : []
  })
  return [...answers, ...others]
}

/** Plain text ends with the end-of-sequence token, supervised where what stands before it is. */
function withEnd(
  tokenizer: LoadedTokenizer,
  tokens: { readonly ids: readonly number[]; readonly offsets: readonly Span[] },
  mask: readonly (0 | 1)[],
  text: string,
  options: MaskOptions,
  messages: readonly Message[],
): { ids: readonly number[]; offsets: readonly Span[]; mask: readonly (0 | 1)[] } {
  const { eosId } = tokenizer
  const last = messages.at(-1)
  if (eosId === undefined || tokens.ids.at(-1) === eosId || last?.weight === 0) return { ...tokens, mask }
  const isLearned = options.trainOn === 'all' || last?.role === 'assistant'
  return { ids: [...tokens.ids, eosId], offsets: [...tokens.offsets, [text.length, text.length]], mask: [...mask, isLearned ? 1 : 0] }
}
