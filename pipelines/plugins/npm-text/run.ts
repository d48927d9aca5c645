import { basename } from 'node:path'
import type { ArtifactHandle, StageContext } from 'hone-engine'
import { nearIndex, rowIds } from 'hone-plugins'
import { readEntries } from '../mdn/entries.js'
import type { NpmTextParams } from '../npm-text.js'
import { fromDocComment, fromSynset, type Piece } from './compose.js'
import { readDocComments } from './doc-comments.js'
import { readSynsets } from './wordnet.js'

/** What gives away that a text is about style sheets or mark-up; it is left out. */
const aboutTheWeb = /\bx?html5?\b|\bcss\d?\b|style ?sheets?|\bmark-?up\b|pseudo-(class|element)|\bat-rule|<\/?[a-z][^>]*>|\bDOM\b|web page/i

/** ChatML, the format of the model's own chat template. */
const chatText = (question: string, answer: string) => `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n${answer}<|im_end|>\n`

const sentences = (text: string) => text.split(/\n+|(?<=[.!?])\s+(?=[A-Z])|<\|im_(?:start|end)\|>(?:user|assistant)?/).filter(s => s.trim() !== '')

export default async function run({ params, inputs, outputs, signal, progress, metric, log, fail }: StageContext<NpmTextParams>): Promise<void> {
  const files = inputs.files as ArtifactHandle[]
  const entries = await readEntries((inputs.held_out as ArtifactHandle[]).map(f => f.path))
  const held = entries.map(e => e.description)
  const alike = nearIndex(held, { threshold: 0.5 })
  const same = nearIndex(held, { threshold: 0.8 })
  const left = { web: 0, alike: 0, twice: 0 }
  const written = { prose: 0, chat: 0, characters: 0 }
  const idOf = rowIds()
  const seen = new Set<string>()

  /** Whether a text may be learned from; counts why not. */
  const allowed = (text: string): boolean => {
    const reason = aboutTheWeb.test(text) ? 'web' : sentences(text).some(s => alike.find(s).length > 0) || alike.find(text).length > 0 ? 'alike' : seen.has(text) ? 'twice' : undefined
    seen.add(text)
    if (reason) left[reason]++
    return reason === undefined
  }
  const write = async (type: Piece['type'], text: string, source: string) => {
    for (const part of [text, ...sentences(text)]) {
      const near = same.find(part)[0]
      if (near) fail(`the text of ${source} holds a description of the held-out data: ${JSON.stringify(part)} is near ${JSON.stringify(held[near.index])}`, 'held_out')
    }
    written[type]++
    written.characters += text.length
    const row = { title: type, text, source }
    await outputs.documents!.write({ id: idOf(row), ...row })
  }

  for (const [i, { path, logicalName }] of files.entries()) {
    signal.throwIfAborted()
    const source = logicalName ?? basename(path)
    const pieces: Piece[] = /^data\.(adj|adv|noun|verb)$/.test(basename(path))
      ? (await readSynsets(path)).filter(s => allowed(`${s.terms.join(', ')}: ${s.definition}. ${s.examples.join(' ')}`)).flatMap(fromSynset)
      : (await readDocComments(path)).flatMap(comment => {
          const paragraphs = comment.paragraphs.filter(allowed)
          return paragraphs.length === 0 ? [] : fromDocComment({ ...comment, paragraphs })
        })
    let prose = ''
    for (const piece of pieces) {
      if (piece.type === 'chat') await write('chat', chatText(piece.question, piece.answer), source)
      else {
        prose += (prose === '' ? '' : '\n\n') + piece.text
        if (prose.length >= params.document_characters) {
          await write('prose', prose, source)
          prose = ''
        }
      }
    }
    if (prose !== '') await write('prose', prose, source)
    progress(i + 1, files.length, 'files')
  }
  if (written.prose + written.chat === 0) fail('no text is left', 'paths')
  metric('documents', written.prose + written.chat)
  metric('chat_documents', written.chat)
  metric('characters', written.characters)
  log(`${written.prose} documents of prose and ${written.chat} of chat, ${written.characters} characters; left out: ${left.web} about CSS or HTML, ${left.alike} like a held-out description, ${left.twice} twice`)
}
