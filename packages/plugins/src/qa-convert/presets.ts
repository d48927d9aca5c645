import type { Message, Row } from '../kinds/kinds.js'
import { textOf, valueOf } from './render.js'

/** What a row gives: messages, or why it gives none. */
export type Converted = { readonly ok: true; readonly messages: Message[]; readonly tools?: unknown } | { readonly ok: false; readonly reason: string }

export interface Preset {
  readonly name: string
  /** The columns it needs, each with the names it goes by; a row must have one of each. */
  readonly needs: readonly (readonly string[])[]
  readonly convert: (row: Row) => Converted
}

const questions = ['question', 'prompt', 'query', 'instruction', 'input']
const answers = ['answer', 'answers', 'response', 'output', 'completion', 'target']

const first = (row: Row, names: readonly string[]): unknown => names.map(n => row[n]).find(v => v !== undefined && v !== null)

/** The answer of a row: a string, the first of a list, or SQuAD's `{ text: [...] }`. */
function answerText(value: unknown): string {
  if (Array.isArray(value)) return textOf(value[0])
  if (typeof value === 'object' && value !== null && 'text' in value) return answerText(value.text)
  return textOf(value)
}

const done = (messages: Message[], tools?: unknown): Converted => ({ ok: true, messages, ...(tools === undefined || tools === null ? {} : { tools }) })
const refused = (reason: string): Converted => ({ ok: false, reason })

const roles: Readonly<Record<string, Message['role']>> = {
  human: 'user', user: 'user', gpt: 'assistant', assistant: 'assistant', bot: 'assistant', chatgpt: 'assistant', model: 'assistant', system: 'system', tool: 'tool', function_response: 'tool', observation: 'tool',
}

function turns(value: unknown, roleKey: string, contentKey: string, column: string): Converted {
  if (!Array.isArray(value) || value.length === 0) return refused(`"${column}" is not a list of messages`)
  const messages: Message[] = []
  for (const turn of value as Row[]) {
    const role = roles[String(turn?.[roleKey] ?? turn?.role)]
    const content = turn?.[contentKey] ?? turn?.content
    if (!role) return refused(`"${column}" has the unknown role ${JSON.stringify(turn?.[roleKey])}`)
    if (typeof content !== 'string') return refused(`a message of "${column}" has no text`)
    messages.push({ role, content, ...(turn.weight === 0 || turn.weight === 1 ? { weight: turn.weight } : {}) })
  }
  return done(messages)
}

/** In the order in which `auto` tries them. */
export const presets: readonly Preset[] = [
  {
    name: 'messages',
    needs: [['messages']],
    convert: row => {
      const converted = turns(row.messages, 'role', 'content', 'messages')
      return converted.ok ? done(converted.messages, row.tools) : converted
    },
  },
  { name: 'sharegpt', needs: [['conversations', 'conversation']], convert: row => turns(row.conversations ?? row.conversation, 'from', 'value', 'conversations') },
  {
    name: 'alpaca',
    needs: [['instruction'], ['output', 'response']],
    convert: row => {
      const input = textOf(row.input).trim()
      return done([
        ...system(row.system),
        { role: 'user', content: textOf(row.instruction) + (input === '' ? '' : `\n\n${input}`) },
        { role: 'assistant', content: textOf(row.output ?? row.response) },
      ])
    },
  },
  {
    name: 'qa',
    needs: [questions, answers],
    convert: row => {
      const context = textOf(row.context).trim()
      const question = textOf(first(row, questions))
      return done([...system(row.system), { role: 'user', content: context === '' ? question : `${context}\n\n${question}` }, { role: 'assistant', content: answerText(first(row, answers)) }])
    },
  },
  {
    name: 'completion',
    needs: [['text', 'completion']],
    convert: row => {
      const prompt = textOf(row.prompt)
      const text = textOf(valueOf(row, 'text') ?? row.completion)
      return done([...(prompt === '' ? [] : [{ role: 'user' as const, content: prompt }]), { role: 'assistant', content: text }])
    },
  },
]

const system = (value: unknown): Message[] => (typeof value === 'string' && value.trim() !== '' ? [{ role: 'system', content: value }] : [])

/** Which of its columns a row lacks; empty when the preset fits. */
export const lacking = ({ needs }: Preset, row: Row): string[] => needs.filter(names => !names.some(n => row[n] !== undefined && row[n] !== null)).map(names => names.join(' or '))

/** The messages when they can be learned from, else why not. */
export function judge(converted: Converted): Converted {
  if (!converted.ok) return converted
  const { messages } = converted
  const empty = messages.find(m => m.content.trim() === '' && m.role !== 'system')
  if (empty) return refused(`the ${empty.role} message is empty`)
  if (!messages.some(m => m.role === 'assistant')) return refused('no message is the assistant\'s')
  return converted
}
