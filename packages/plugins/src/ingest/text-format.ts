import { extname } from 'node:path'

const formats: Readonly<Record<string, 'markdown' | 'text' | 'html'>> = { '.md': 'markdown', '.markdown': 'markdown', '.mdx': 'markdown', '.txt': 'text', '.text': 'text', '.html': 'html', '.htm': 'html', '.xhtml': 'html' }

/** What a file of this name is read as; a file that an earlier stage made has no extension and counts as Markdown. */
export const textFormat = (name: string): 'markdown' | 'text' | 'html' | undefined => (extname(name) === '' ? 'markdown' : formats[extname(name).toLowerCase()])
