import { readFile } from 'node:fs/promises'

export const kindNames = ['CSS property', 'CSS value', 'CSS pseudo-class', 'CSS pseudo-element', 'CSS at-rule', 'HTML element', 'HTML attribute'] as const
export type EntryKind = (typeof kindNames)[number]

/** One thing that MDN describes: what it is, its name, and the description as plain text. */
export interface Entry {
  readonly kind: EntryKind
  readonly name: string
  readonly description: string
}

interface Described {
  readonly name: string
  readonly description?: string | { readonly value: string }
}
interface CustomData {
  readonly properties?: readonly (Described & { readonly values?: readonly Described[] })[]
  readonly atDirectives?: readonly Described[]
  readonly pseudoClasses?: readonly Described[]
  readonly pseudoElements?: readonly Described[]
  readonly tags?: readonly (Described & { readonly attributes?: readonly Described[] })[]
  readonly globalAttributes?: readonly Described[]
}

/** Markdown and the bits of HTML in it as plain text on one line. */
function plain(description: Described['description']): string {
  const text = typeof description === 'string' ? description : (description?.value ?? '')
  return text
    .replace(/```[\s\S]*?```/g, ' ')
    .replace(/\{\{\w+\(["']([^"']*)["'][^}]*\}\}/g, '$1')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[`*]|\b_(?=\S)|(?<=\S)_\b/g, '')
    .replace(/<\/?(p|b|i|em|strong|code|ul|li|br|span|a)\b[^>]*>/gi, ' ')
    .replace(/&nbsp;|\u00a0/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')
    .trim()
}

/** The entries of the custom data files that have a description of at least four words, in the files' order; the same name, kind and text only once. */
export async function readEntries(paths: readonly string[]): Promise<Entry[]> {
  const entries: Entry[] = []
  const seen = new Set<string>()
  const add = (kind: EntryKind, list: readonly Described[] | undefined) => {
    for (const { name, description } of list ?? []) {
      const entry = { kind, name, description: plain(description) }
      const identity = `${kind}\n${name}\n${entry.description}`
      if (entry.description.split(' ').length < 4 || seen.has(identity)) continue
      seen.add(identity)
      entries.push(entry)
    }
  }
  for (const path of paths) {
    const data = JSON.parse(await readFile(path, 'utf8')) as CustomData
    add('CSS property', data.properties)
    for (const property of data.properties ?? []) add('CSS value', property.values)
    add('CSS pseudo-class', data.pseudoClasses)
    add('CSS pseudo-element', data.pseudoElements)
    add('CSS at-rule', data.atDirectives)
    add('HTML element', data.tags)
    for (const tag of data.tags ?? []) add('HTML attribute', tag.attributes)
    add('HTML attribute', data.globalAttributes)
  }
  return entries
}
