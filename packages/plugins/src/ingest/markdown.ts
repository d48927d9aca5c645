import { Lexer, type Token } from 'marked'
import { SectionWriter, type Parsed } from './sections.js'

/** Text stays as it was written, code blocks included; front matter, comments and link definitions are left out. */
export function parseMarkdown(source: string, depth: number): Parsed {
  const { body, title } = frontMatter(source)
  const writer = new SectionWriter(depth)
  for (const token of Lexer.lex(body)) {
    if (token.type === 'heading' && writer.heading(token.depth as number, plain(token.tokens ?? []))) continue
    if (token.type === 'def') continue
    writer.text(token.type === 'html' ? token.raw.replace(/<!--[\s\S]*?-->/g, '') : token.raw)
  }
  return { sections: writer.end(), ...(title === undefined ? {} : { title }) }
}

function frontMatter(source: string): { body: string; title: string | undefined } {
  const match = /^---\r?\n([\s\S]*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/.exec(source)
  if (!match) return { body: source, title: undefined }
  const title = /^title:[ \t]*(["']?)(.+?)\1[ \t]*$/m.exec(match[1]!)?.[2]
  return { body: source.slice(match[0].length), title }
}

/** The words of inline tokens, without their marks. */
function plain(tokens: readonly Token[]): string {
  return tokens
    .map(token => ('tokens' in token && token.tokens ? plain(token.tokens) : token.type === 'html' ? '' : 'text' in token ? unescapeHtml(String(token.text)) : token.raw))
    .join('')
    .replace(/\s+/g, ' ')
    .trim()
}

const entities: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" }
const unescapeHtml = (text: string) => text.replace(/&(amp|lt|gt|quot|#39);/g, entity => entities[entity]!)
