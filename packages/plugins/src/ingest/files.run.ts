import { readFile, readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { ArtifactHandle, StageContext } from 'hone-engine'
import { rowIds } from '../kinds/ids.js'
import type { FilesParams } from './files.js'
import { parseHtml } from './html-text.js'
import { parseMarkdown } from './markdown.js'
import { slug, type Parsed } from './sections.js'
import { textFormat } from './text-format.js'
import { notUtf8 } from './utf8.js'

interface TextFile {
  readonly path: string
  /** What a document calls it: never the place on this machine. */
  readonly name: string
}

export default async function run({ params, inputs, outputs, signal, progress, metric, log, fail }: StageContext<FilesParams>): Promise<void> {
  const members = inputs.files as ArtifactHandle[]
  const found = (await Promise.all(members.map(member => textFiles(member)))).flat()
  const readable = found.filter(file => textFormat(file.name) !== undefined)
  if (found.length === 0) fail('found no file', 'paths')
  if (readable.length === 0) fail(`none of the ${found.length} files is md, txt or html, for example ${found[0]!.name}`, 'paths')
  const idOf = rowIds()
  let count = 0
  for (const [i, file] of readable.entries()) {
    signal.throwIfAborted()
    const source = decode(await readFile(file.path), file.name, fail)
    const { title, sections } = parse(source, file, params)
    const anchors = new Map<string, number>()
    for (const { headings, anchor, text } of sections) {
      if (text.length < params.minimum) continue
      const own = headings.at(-1)
      const place = own === undefined ? undefined : (anchor ?? unique(slug(own), anchors))
      const row = { title: headings.length > 0 ? headings.join(' › ') : (title ?? nameOf(file)), text, source: place === undefined || place === '' ? file.name : `${file.name}#${place}` }
      await outputs.documents!.write({ id: idOf(row), ...row })
      count++
    }
    progress(i + 1, readable.length, 'files')
  }
  if (count === 0) fail(`the ${readable.length} files hold no text`, 'paths')
  metric('documents', count)
  log(`${count} documents of ${readable.length} files${found.length > readable.length ? `; ${found.length - readable.length} files of other kinds were left out` : ''}`)
}

/** A folder stands for its files. What an earlier stage made has no name. */
async function textFiles({ path, logicalName }: ArtifactHandle): Promise<TextFile[]> {
  if (!(await stat(path)).isDirectory()) return [{ path, name: logicalName || `document${extname(path)}` }]
  const entries = await readdir(path, { withFileTypes: true, recursive: true })
  const names = entries.filter(e => e.isFile()).map(e => join(e.parentPath ?? e.path, e.name).slice(path.length + 1).replaceAll('\\', '/'))
  return names.sort().map(name => ({ path: join(path, name), name }))
}

function decode(bytes: Uint8Array, name: string, fail: StageContext['fail']): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n')
  } catch {
    const { message, hint } = notUtf8(bytes)
    return fail(`${name} ${message}`, 'paths', hint)
  }
}

function parse(source: string, file: TextFile, { split, depth }: FilesParams): Parsed {
  const level = split === 'heading' ? depth : 0
  const format = textFormat(file.name)
  if (format === 'html') return parseHtml(source, level)
  return format === 'markdown' ? parseMarkdown(source, level) : { sections: source.trim() === '' ? [] : [{ headings: [], text: source.trim() }] }
}

const nameOf = ({ name }: TextFile) => name.split('/').at(-1)!.replace(/\.[^.]+$/, '')

function unique(anchor: string, taken: Map<string, number>): string {
  const times = taken.get(anchor) ?? 0
  taken.set(anchor, times + 1)
  return times === 0 ? anchor : `${anchor}-${times}`
}
