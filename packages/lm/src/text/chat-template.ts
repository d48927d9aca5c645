import { Template } from '@huggingface/jinja'
import { sha256 } from '../checkpoint/hugging-face.js'
import type { LoadedTokenizer } from './load-tokenizer.js'
import type { TokenizerConfig } from './tokenizer-config.js'
import type { Message } from './types.js'

/** Where a template comes from. `none` is plain text: contents alone, one after the other. */
export type TemplateOrigin = 'chat_template.jinja' | 'tokenizer_config.json' | 'default' | 'given' | 'none'

export interface RenderOptions {
  /** Ends with what stands before an answer, so that the model goes on with it. */
  readonly addGenerationPrompt?: boolean
  readonly tools?: unknown
}

/** [start, end) in UTF-16 units of the rendered text. */
export type Span = readonly [start: number, end: number]

export interface ChatTemplate {
  readonly origin: TemplateOrigin
  /** The Jinja source; undefined for `none`. */
  readonly source: string | undefined
  /** SHA-256 of what decides the text: the source and the special tokens that it may write; `none` for plain text. */
  readonly digest: string
  /** The text of a conversation. Throws TemplateError with the template's own words where it refuses one. */
  render(messages: readonly Message[], options?: RenderOptions): string
  /** Whether {% generation %} says what the assistant writes. */
  readonly marksGeneration: boolean
  /** The text with the spans inside {% generation %}; only where `marksGeneration`. */
  renderMarked(messages: readonly Message[], options?: RenderOptions): { text: string; spans: Span[] }
}

/** A conversation that a template refuses, or a template that cannot be read. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

/** OpenAI's ChatML, for tokenizers that have its two tokens. */
export const chatMlTemplate = [
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}",
  "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}",
  "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}",
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
].join('')

/**
 * For every other model without a template: the role on a line of its own, so that the answer begins at a token's border, and the
 * end-of-sequence token after it.
 */
export const plainTemplate = [
  "{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}",
  "{% elif message['role'] == 'assistant' %}{{ 'Assistant:\\n' }}",
  "{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}{{ '\\n\\n' }}",
  "{% else %}{{ (message['role'] | capitalize) + ':\\n' + message['content'] + '\\n\\n' }}{% endif %}{% endfor %}",
  "{% if add_generation_prompt %}{{ 'Assistant:\\n' }}{% endif %}",
].join('')

/** The template of a model that has none of its own: ChatML where it has its tokens and ends a text with them, else the plain one. */
export const defaultTemplate = ({ idOf, eosId }: Pick<LoadedTokenizer, 'idOf' | 'eosId'>): string =>
  idOf('<|im_start|>') !== undefined && eosId !== undefined && idOf('<|im_end|>') === eosId ? chatMlTemplate : plainTemplate

// Noncharacters, which no text holds: they mark where the spans begin and end and are cut out again.
const [begin, end] = ['\uFDD0', '\uFDD1']
const generationTag = /(^[ \t]*)?\{%([-+]?)\s*(end)?generation\s*(-?)%\}(\n?)/gm

/** Writes a marker where {% generation %} begins and ends, with the tag's own effect on the whitespace around it. */
const withMarkers = (source: string) =>
  source.replace(generationTag, (_, indent: string | undefined, left: string, ending: string | undefined, right: string, newline: string) =>
    `${left === '+' ? (indent ?? '') : ''}{{${left === '-' ? '-' : ''} '${ending ? end : begin}' ${right}}}${right === '-' ? newline : ''}`)

/** The weight is for training; no template knows it. */
function withoutWeight(message: Message): Omit<Message, 'weight'> {
  const rest: { -readonly [K in keyof Message]: Message[K] } = { ...message }
  delete rest.weight
  return rest
}

/** A template of Jinja source. Throws TemplateError where it is no Jinja. */
export function jinjaTemplate(source: string, origin: TemplateOrigin, config: TokenizerConfig): ChatTemplate {
  const compile = (text: string) => {
    try {
      // Templates that write the date fall back to a fixed one where there is no clock, so a text does not depend on the day.
      return new Template(text.replace(/\bstrftime_now\b/g, 'no_clock'))
    } catch (error) {
      throw new TemplateError(`the chat template cannot be read: ${(error as Error).message}`)
    }
  }
  const template = compile(source)
  const marksGeneration = source.match(generationTag) !== null
  const marked = marksGeneration ? compile(withMarkers(source)) : undefined
  const special = {
    bos_token: config.bosToken ?? '', eos_token: config.eosToken ?? '',
    ...(config.padToken !== undefined && { pad_token: config.padToken }), ...(config.unkToken !== undefined && { unk_token: config.unkToken }),
  }
  const renderWith = (compiled: Template, messages: readonly Message[], { addGenerationPrompt = false, tools }: RenderOptions = {}) => {
    try {
      return compiled.render({
        messages: messages.map(withoutWeight),
        add_generation_prompt: addGenerationPrompt,
        ...special,
        ...(tools !== undefined && tools !== null && { tools }),
      })
    } catch (error) {
      throw new TemplateError(`the chat template refuses the conversation: ${(error as Error).message}`)
    }
  }
  return {
    origin, source, marksGeneration,
    digest: sha256(JSON.stringify([source, special])),
    render: (messages, options) => renderWith(template, messages, options),
    renderMarked(messages, options) {
      if (!marked) throw new Error('Internal: the template has no {% generation %}')
      if (messages.some(m => m.content.includes(begin) || m.content.includes(end))) {
        throw new TemplateError('a message holds the noncharacter U+FDD0 or U+FDD1')
      }
      const spans: [number, number][] = []
      let text = ''
      for (const part of renderWith(marked, messages, options).split(/(\uFDD0|\uFDD1)/)) {
        if (part === begin) spans.push([text.length, text.length])
        else if (part === end) spans.at(-1)![1] = text.length
        else text += part
      }
      return { text, spans }
    },
  }
}

/** Contents alone, for pre-training and completion. */
export const plainText: ChatTemplate = {
  origin: 'none', source: undefined, digest: 'none', marksGeneration: false,
  render: messages => messages.map(m => m.content).join(''),
  renderMarked() {
    throw new Error('Internal: plain text has no {% generation %}')
  },
}

/**
 * The template to use with a tokenizer: `given` Jinja source, or `none` for plain text; else the tokenizer's own; else the default.
 * Throws TemplateError.
 */
export function chatTemplateFor(tokenizer: LoadedTokenizer, given?: string): ChatTemplate {
  if (given === 'none') return plainText
  if (given !== undefined) return jinjaTemplate(given, 'given', tokenizer.config)
  const own = tokenizer.config.chatTemplate
  return own ? jinjaTemplate(own.source, own.origin, tokenizer.config) : jinjaTemplate(defaultTemplate(tokenizer), 'default', tokenizer.config)
}
