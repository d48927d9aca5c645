import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { logFile, StageLog } from '../../src/execute/stage-log.js'

test('a text of more lines than a call takes arguments stands in the file, and its last lines in the tail', () => {
  const log = new StageLog(join(mkdtempSync(join(tmpdir(), 'hone-log-')), 'stage.log'), text => text)
  const text = Array.from({ length: 300_000 }, (_, i) => `line ${i}\n`).join('')
  log.write(text)
  log.close()
  const tail = log.output!.tail.split('\n')
  assert.equal([tail.length, tail.at(-1)], [20, 'line 299999'])
  assert.ok(readFileSync(log.file, 'utf8') === text)
})

test('the log of a node with a long name has a name of its own that file systems take', () => {
  const [one, other] = ['1', '2'].map(end => logFile('runs', `s[axis=${'x'.repeat(300)}${end}]`))
  assert.ok(one!.length < 250)
  assert.is.not(one, other)
  assert.is(logFile('runs', 's[axis=ä]'), join('runs', 's[axis=%e4].log'))
})

test.run()
