// A picture of a terminal: coloured text as `tmux capture-pane -e -p` gives it, from stdin, as SVG to stdout. CONTRIBUTING.md says how docs/images/terminal.svg was made.
import { readFileSync } from 'node:fs'

const [charWidth, lineHeight, padding] = [8.4, 19, 16]
const colours = { 31: '#f85149', 32: '#3fb950', 33: '#d29922', 34: '#58a6ff', 35: '#bc8cff', 36: '#39c5cf' }
const [ground, text] = ['#0d1117', '#e6edf3']
const escape = s => s.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** What a text is drawn with after the codes of one escape sequence. */
function next(style, codes) {
  for (const code of codes.split(';').map(Number)) {
    if (code === 0) style = {}
    else if (code === 1) style = { ...style, bold: true }
    else if (code === 2) style = { ...style, faint: true }
    else if (code === 22) style = { ...style, bold: false, faint: false }
    else if (code === 39) style = { ...style, colour: undefined }
    else if (colours[code]) style = { ...style, colour: colours[code] }
    else if (code !== 49) throw new Error(`A picture has no way to draw the code ${code}.`)
  }
  return style
}

/** Runs of one style, each at its column; a style goes on over line ends. */
function runsOf(lines) {
  let style = {}
  return lines.map(line => {
    const runs = []
    let column = 0
    for (const [i, part] of line.split('\x1b[').entries()) {
      const end = i === 0 ? -1 : part.indexOf('m')
      if (i > 0) style = next(style, part.slice(0, end) || '0')
      const words = part.slice(end + 1)
      runs.push({ column, words, ...style })
      column += [...words].length
    }
    return runs
  })
}

const lines = readFileSync(0, 'utf8').trimEnd().split('\n')
const drawn = runsOf(lines)
const columns = Math.max(...drawn.flat().map(run => run.column + [...run.words].length))
const [width, height] = [Math.ceil(columns * charWidth + 2 * padding), lines.length * lineHeight + 2 * padding]
// Each run is stretched to its columns, whatever the font of whoever looks at it.
const run = ({ column, words, bold, faint, colour }, y) => {
  const shown = words.trimEnd()
  if (shown.trim() === '') return ''
  const from = column + shown.length - shown.trimStart().length
  const length = ([...shown.trimStart()].length * charWidth).toFixed(1)
  return `<text x="${(padding + from * charWidth).toFixed(1)}" y="${y}" textLength="${length}" lengthAdjust="spacingAndGlyphs" fill="${colour ?? text}"${bold ? ' font-weight="bold"' : ''}${faint ? ' opacity="0.6"' : ''}>${escape(shown.trimStart())}</text>`
}
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" xml:space="preserve">
<rect width="100%" height="100%" rx="8" fill="${ground}"/>
${drawn.map((runs, i) => runs.map(r => run(r, padding + (i + 1) * lineHeight - 5)).join('')).filter(line => line !== '').join('\n')}
</svg>
`)
