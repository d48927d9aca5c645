import type { LoadedTokenizer, MaskedTokens, Message, SplitCounts, SplitName } from 'hone-lm'
import type { Row } from './cut.js'

/** A stretch of tokens that are all learned or all not, as the model sees them. */
export interface ProofSpan {
  readonly learned: boolean
  readonly tokens: number
  readonly text: string
}

export interface ProofExample {
  readonly id: string
  readonly split: SplitName
  readonly tokens: number
  readonly learned: number
  readonly spans: readonly ProofSpan[]
}

/** Tokens by the role of the message that they belong to; `template` is what stands between. */
export type RoleCounts = Record<string, { messages: number; tokens: number; learned: number }>

export interface CutRow {
  readonly id: string
  readonly split: SplitName
  readonly tokens: number
  /** `dropped`, `unsupervised` (nothing of it is learned), or how it was cut. */
  readonly action: 'dropped' | 'unsupervised' | 'left' | 'right' | 'middle' | 'split'
}

/** proof.json. */
export interface MaskProof {
  readonly template: { readonly origin: string; readonly digest: string; readonly source: string | null }
  readonly train_on: string
  readonly splits: Readonly<Partial<Record<SplitName, SplitCounts>>>
  readonly roles: RoleCounts
  /** Tokens half inside a learned span, which are not learned; by text, how often. */
  readonly straddling: Readonly<Record<string, number>>
  readonly cut: readonly CutRow[]
  readonly examples: readonly ProofExample[]
}

export function proofExample(tokenizer: LoadedTokenizer, split: SplitName, id: string, { ids, mask }: Row): ProofExample {
  const spans: ProofSpan[] = []
  for (let start = 0; start < ids.length; ) {
    let end = start + 1
    while (end < ids.length && mask[end] === mask[start]) end++
    spans.push({ learned: mask[start] === 1, tokens: end - start, text: tokenizer.decode(ids.slice(start, end)) })
    start = end
  }
  return { id, split, tokens: ids.length, learned: mask.reduce<number>((a, b) => a + b, 0), spans }
}

/** Adds a row's tokens to the counts. A token belongs to the message that it begins in; an answer's end token to the answer. */
export function countRoles(counts: RoleCounts, messages: readonly Message[], { text, offsets, mask }: MaskedTokens): void {
  const of = (role: string) => (counts[role] ??= { messages: 0, tokens: 0, learned: 0 })
  const places: { role: string; start: number; end: number }[] = []
  let at = 0
  for (const { role, content } of messages) {
    of(role).messages++
    const trimmed = content.trim()
    const start = text.indexOf(trimmed, at)
    if (start < 0) continue
    places.push({ role, start, end: (at = start + trimmed.length) })
  }
  let place = 0
  offsets.forEach(([from, to], i) => {
    while (place < places.length && places[place]!.end <= from) place++
    const inside = place < places.length && to > places[place]!.start && to > from ? places[place]!.role : undefined
    const count = of(inside ?? (mask[i] === 1 ? 'assistant' : 'template'))
    count.tokens++
    if (mask[i] === 1) count.learned++
  })
}

const indented = (label: string, text: string) =>
  text.split('\n').map((line, i) => `${i === 0 ? label : ' '.repeat(label.length)} | ${line}`).join('\n')

/** The proof for people: what the model reads, and what it learns to write. */
export function proofText(proof: MaskProof): string {
  const lines = [
    'What is learned',
    '',
    `template: ${proof.template.origin} (${proof.template.digest.slice(0, 12)}), train_on: ${proof.train_on}`,
    ...Object.entries(proof.splits).map(([split, c]) => `${split}: ${c.rows} rows, ${c.tokens} tokens, ${c.supervised_tokens} learned`),
    ...Object.entries(proof.roles).map(([role, c]) => `${role}: ${c.messages > 0 ? `${c.messages} messages, ` : ''}${c.tokens} tokens, ${c.learned} learned`),
  ]
  if (Object.keys(proof.straddling).length) {
    lines.push('', 'Half inside an answer, so not learned:', ...Object.entries(proof.straddling).map(([text, n]) => `${JSON.stringify(text)}: ${n} times`))
  }
  if (proof.cut.length) {
    lines.push('', 'Cut or left out:', ...proof.cut.map(c => `${c.id} (${c.split}, ${c.tokens} tokens): ${c.action}`))
  }
  for (const [i, example] of proof.examples.entries()) {
    lines.push('', `--- ${i + 1}: ${example.id} (${example.split}), ${example.tokens} tokens, ${example.learned} learned`)
    for (const span of example.spans) lines.push(indented(span.learned ? 'learned' : 'ignored', span.text))
  }
  return `${lines.join('\n')}\n`
}
