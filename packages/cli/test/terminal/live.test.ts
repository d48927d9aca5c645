import pc from 'picocolors'
import stringWidth from 'string-width'
import { stripVTControlCharacters } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { drawProgress } from '../../src/terminal/live.js'
import { beginMs, finished, progress, started, stateAfter } from './run-state.js'

const test = suite('the live display')
const plain = pc.createColors(false)
const stages = [['questions', 'ingest/mdn'], ['download-of-something-long', 'ingest/http'], ['tuned[rank=8]', 'tune/lora'], ['silent', 'command/shell'], ['bad', 'x/y'], ['after', 'evaluate/qa']] as const
const state = stateAfter(stages, [
  [0, started('questions')],
  [1, finished('questions', 'ran', { metrics: { rows: 4, f1: 0.25 } })],
  [1, started('download-of-something-long')],
  [1, progress('download-of-something-long', 0, 700 * 2 ** 20, 'bytes')],
  [1, started('tuned[rank=8]')],
  [1, started('silent')],
  [1, progress('tuned[rank=8]', 0, 6900, 'steps')],
  [2, started('bad')],
  [3, finished('bad', 'failed', { failure: { reason: 'failed', message: 'row 17\nhas no column "answer"', final: true } })],
  [8, { type: 'sample', stage: 'tuned[rank=8]', step: 60, prompt: 'これは何ですか、CSSのプロパティ、値、セレクタのどれですか?', reference: 'プロパティ', prediction: 'HTML 要素であると思います' }],
  [9, progress('tuned[rank=8]', 1840, 6900, 'steps')],
  [9, progress('download-of-something-long', 240 * 2 ** 20, 700 * 2 ** 20, 'bytes')],
])
const draw = (columns: number, rows = 24, palette = plain) => drawProgress(state, { columns, rows, now: beginMs + 9000, palette })

test('at 40 columns each stage has its share and its time left', () => {
  assert.equal(draw(39), [
    '✓ questions      1.5 s  f1 0.25',
    '● download-of-…  34%  15 s left',
    '● tuned[rank=8]  26%  230/s  22 s left',
    '● silent         running for 8 s',
    '✗ bad            failed: row 17 has no…',
    '· after          ',
    '2 of 6 stages ended, 9 s so far',
    '',
    '  step 60: これは何ですか、CSSのプロパ…',
    '  now: HTML 要素であると思います   ref…',
  ])
})

test('at 80 columns there are amounts and rates, at 200 also what each stage is', () => {
  assert.is(draw(79)[1], '● download-of-something-long  ━━━━╌╌╌╌╌╌╌  240 MiB/700 MiB  30 MiB/s  15 s left')
  assert.is(draw(199)[2], '● tuned[rank=8]               tune/lora                 ━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  1840/6900 steps  230/s  22 s left')
})

test('no line is ever wider than the terminal nor are there more than it has rows, with or without colours', () => {
  for (let columns = 20; columns <= 220; columns += 3) {
    for (const rows of [4, 6, 9, 12, 24]) {
      for (const palette of [plain, pc.createColors(true)]) {
        const lines = draw(columns, rows, palette)
        assert.ok(lines.length < rows, `${lines.length} lines in ${rows} rows`)
        for (const line of lines) assert.ok(stringWidth(line) <= columns, `${columns}: ${stripVTControlCharacters(line)}`)
      }
    }
  }
})

test('when the rows do not suffice, what runs is shown, and what is not shown is counted', () => {
  assert.equal(draw(79, 6).map(line => line.split('  ')[0]), ['✗ bad', '● download-of-something-long', '● tuned[rank=8]', '● silent', '2 of 6 stages ended, 9 s so far'])
  assert.is(draw(79, 4).at(-1), '1 more run; 2 of 6 stages ended, 9 s so far')
})

test.run()
