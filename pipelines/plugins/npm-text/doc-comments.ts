import { readFile } from 'node:fs/promises'

/** A documentation comment of a declaration file, and what it documents. */
export interface DocComment {
  readonly name: string | undefined
  /** With its article: `an interface`, `a method`. */
  readonly kind: string | undefined
  /** Prose without markup and code blocks. */
  readonly paragraphs: readonly string[]
}

const keywords: Readonly<Record<string, string>> = {
  interface: 'an interface', class: 'a class', enum: 'an enumeration', function: 'a function', type: 'a type', const: 'a constant', let: 'a variable', var: 'a variable', namespace: 'a namespace', module: 'a module',
}

function declared(line: string): { name: string | undefined; kind: string | undefined } {
  const code = line.trim().replace(/^(export |declare |default |abstract |static |readonly |public |protected |private |async )+/, '')
  const top = /^(interface|class|enum|function|type|const|let|var|namespace|module)\s+([\w$.]+)/.exec(code)
  if (top) return { name: top[2], kind: keywords[top[1]!] }
  if (/^(constructor|new)\s*\(/.test(code)) return { name: undefined, kind: 'a constructor' }
  const member = /^(?:get |set )?(["']?)([\w$][\w$.-]*)\1(?:<[^(]*>)?\??\s*([(:])/.exec(code)
  if (member) return { name: member[2], kind: member[3] === '(' ? 'a method' : 'a property' }
  const value = /^(["']?)([\w$]+)\1\s*(=[^,]*)?,?$/.exec(code)
  return value ? { name: value[2], kind: 'a value of an enumeration' } : { name: undefined, kind: undefined }
}

const entities: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&amp;': '&', '&quot;': '"', '&nbsp;': ' ', '&apos;': "'", '&#39;': "'" }

function prose(comment: string): string[] {
  const body = comment.replace(/\r/g, '').replace(/^[ \t]*\*[ \t]?/gm, '')
  const [head, ...tags] = body.split(/^@(?=\w)/m)
  const kept = [head!, ...tags.filter(t => t.startsWith('remarks')).map(t => t.slice(7))].join('\n\n')
  return kept
    .replace(/```[\s\S]*?(```|$)/g, '\n\n')
    .replace(/<(pre|code-block)>[\s\S]*?<\/\1>/g, '\n\n')
    .replace(/\{@(?:link|linkcode|linkplain)\s+([^}|]*?)\s*(?:\|\s*([^}]*))?\}/g, (_, target: string, text?: string) => text?.trim() || target)
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/<\/(p|li|note|important|ul|ol|dd|dt|h\d|tr)>|<(p|li|ul|ol|note|important|dd|dt|br|tr)\b[^>]*>/gi, '\n\n')
    .replace(/<\/?[a-zA-Z][^>]*>/g, '')
    .replace(/&(lt|gt|amp|quot|nbsp|apos|#39);/g, e => entities[e]!)
    .replace(/[`]|\*\*/g, '')
    .split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )/)
    .map(p => p.replace(/\s+/g, ' ').replace(/^[-*] /, '').trim())
    .filter(p => p.length >= 20 && /[a-z]{3}.* .*[a-z]{3}/.test(p) && !/^https?:\S+$/.test(p))
}

export async function readDocComments(path: string): Promise<DocComment[]> {
  const text = await readFile(path, 'utf8')
  return [...text.matchAll(/\/\*\*([\s\S]*?)\*\/[ \t]*\n?([^\n]*)/g)].flatMap(([, comment, next]) => {
    const paragraphs = prose(comment!)
    return paragraphs.length === 0 ? [] : [{ ...declared(next!), paragraphs }]
  })
}
