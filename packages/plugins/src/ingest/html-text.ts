import { defaultTreeAdapter as tree, parse, type DefaultTreeAdapterTypes as Tree } from 'parse5'
import { SectionWriter, type Parsed } from './sections.js'

/** What holds no prose. */
const left = new Set(['script', 'style', 'noscript', 'template', 'svg', 'math', 'nav', 'footer', 'iframe', 'object', 'button', 'select', 'input', 'textarea', 'head'])
const blocks = new Set(['p', 'div', 'section', 'article', 'main', 'header', 'aside', 'ul', 'ol', 'dl', 'dt', 'dd', 'table', 'thead', 'tbody', 'tr', 'blockquote', 'figure', 'figcaption', 'address', 'details', 'summary', 'form', 'fieldset', 'hr', 'body', 'html'])

/** Readable text of a page: lists with dashes, rows of tables with bars, code blocks fenced. Where there is one `main`, only what is in it. */
export function parseHtml(source: string, depth: number): Parsed {
  const document = parse(source)
  const title = find(document, 'title')[0]
  const mains = find(document, 'main')
  const writer = new SectionWriter(depth)
  write(mains.length === 1 ? mains[0]! : document, writer)
  const name = title && textOf(title).replace(/\s+/g, ' ').trim()
  return { sections: writer.end(), ...(name ? { title: name } : {}) }
}

function write(node: Tree.Node, writer: SectionWriter): void {
  if (tree.isTextNode(node)) {
    const text = node.value.replace(/\s+/g, ' ')
    return writer.text(writer.isAtLineStart ? text.trimStart() : text)
  }
  if (!('childNodes' in node)) return
  const inside = () => node.childNodes.forEach(child => write(child, writer))
  if (!tree.isElementNode(node)) return inside()
  const name = node.tagName
  if (left.has(name)) return
  const level = /^h([1-6])$/.exec(name)?.[1]
  if (level !== undefined) {
    const text = textOf(node).replace(/\s+/g, ' ').trim()
    if (text !== '' && !writer.heading(Number(level), text, attribute(node, 'id'))) writer.text(`\n\n${text}\n\n`)
  } else if (name === 'pre') writer.text(`\n\n\`\`\`\n${textOf(node).replace(/^\n|\n$/g, '')}\n\`\`\`\n\n`)
  else if (name === 'code' || name === 'kbd') writer.text(`\`${textOf(node)}\``)
  else if (name === 'br') writer.text('\n')
  else if (name === 'li') around('\n- ', '')
  else if (name === 'td' || name === 'th') around('', ' | ')
  else if (name === 'tr') around('\n', '')
  else if (blocks.has(name)) around('\n\n', '\n\n')
  else inside()

  function around(before: string, after: string) {
    writer.text(before)
    inside()
    writer.text(after)
  }
}

const attribute = (element: Tree.Element, name: string) => element.attrs.find(a => a.name === name)?.value

const textOf = (node: Tree.Node): string => (tree.isTextNode(node) ? node.value : 'childNodes' in node ? node.childNodes.map(textOf).join('') : '')

const find = (node: Tree.Node, name: string): Tree.Element[] => ('childNodes' in node ? node.childNodes.flatMap(child => [...(tree.isElementNode(child) && child.tagName === name ? [child] : []), ...find(child, name)]) : [])
