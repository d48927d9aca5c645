import stringWidth from 'string-width'

const graphemes = new Intl.Segmenter()
const isPlain = (text: string) => /^[\x20-\x7e]*$/.test(text)

/** Cuts text without colours to so many columns of a terminal, where Japanese and emoji take two, with an ellipsis. */
export function cut(text: string, columns: number): string {
  if (isPlain(text) ? text.length <= columns : stringWidth(text) <= columns) return text
  if (columns < 2) return ''
  let kept = ''
  let width = 1
  for (const { segment } of graphemes.segment(text)) {
    width += stringWidth(segment)
    if (width > columns) break
    kept += segment
  }
  return `${kept}…`
}

export const pad = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - (isPlain(text) ? text.length : stringWidth(text))))

export const cutLines = (text: string, columns: number): string => text.split('\n').map(line => cut(line, columns)).join('\n')
