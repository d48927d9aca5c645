import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nearest, renderDiagnostic, type Diagnostic } from '../../src/index.js'
import { TextPositions } from '../../src/source/text-positions.js'

const test = suite('rendering diagnostics')

const shown = (text: string, needle: string, more: Partial<Diagnostic> = {}, cwd = '/project') => {
  const range = new TextPositions('/project/a/p.yaml', text).range(text.indexOf(needle), needle.length)
  return renderDiagnostic({ code: 'bad-parameter', severity: 'error', message: 'no', range, ...more }, { textOf: () => text, cwd })
}

test('the place, the message, the lines around it, a caret, a hint', () => {
  assert.is(shown('stages:\n  a:\n    rank: 0\n', '0', { hint: 'More.' }), 'a/p.yaml:3:11 error: no (bad-parameter)\n    2 |   a:\n  > 3 |     rank: 0\n      |           ^\n  hint: More.')
})

test('a path is shown as it is reached from the folder of the shell', () => {
  assert.match(shown('x', 'x', {}, '/project/b'), /^\.\.\/a\/p\.yaml:1:1 /)
  assert.match(shown('x', 'x', {}, '/project/a'), /^p\.yaml:1:1 /)
})

test('carets stand below tabs and wide characters', () => {
  assert.is(shown('\tk: v', 'v').split('\n')[2], '      | \t   ^'.replace('      |', '      |'))
  assert.is(shown('日本: 値', '値').split('\n')[2], '      |       ^^')
})

test('a very long line is shown around the place', () => {
  const lines = shown(`${'x'.repeat(5000)}!${'y'.repeat(5000)}`, '!').split('\n')
  assert.ok(lines.every(line => line.length < 160))
  assert.is(lines[1]![lines[2]!.indexOf('^')], '!')
})

test('without a range or a text there is no frame', () => {
  assert.is(renderDiagnostic({ code: 'parameter-type', severity: 'warning', message: 'so' }, { textOf: () => undefined, cwd: '/' }), 'warning: so (parameter-type)')
})

test('what was meant is near, or the beginning of it', () => {
  const names = ['rank', 'learning_rate', 'epochs', 'max_length']
  assert.equal(['rnak', 'epoch', 'learning-rate', 'max_len', 'dropout', 'r', 'Rank'].map(name => nearest(name, names)), ['rank', 'epochs', 'learning_rate', 'max_length', undefined, undefined, 'rank'])
})

test.run()
