import { PassThrough } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MarkedStream } from '../../src/execute/marked-stream.js'

const mark = '\u0000hone 1234'
const chunk = 1 << 16

/** What is handed over of what is printed in these pieces, in which pieces; `pending` while the mark has not come. */
async function taken(pieces: readonly string[]): Promise<{ texts: string[]; pending: boolean }> {
  const stream = new PassThrough()
  const texts: string[] = []
  let pending = true
  void new MarkedStream(stream).until(mark, text => void texts.push(text)).then(() => (pending = false))
  for (const piece of pieces) {
    stream.write(piece)
    await new Promise(done => setImmediate(done))
  }
  return { texts, pending }
}

test('a mark that comes in pieces ends a stage, also behind a line without an end', async () => {
  const long = 'x'.repeat(chunk + 1)
  for (const before of ['', 'text\n', 'half a line', long, `${long}\u0000hone`, '\u0000'.repeat(chunk + 1)]) {
    for (const at of [1, 3, mark.length - 1]) {
      const { texts, pending } = await taken([before + mark.slice(0, at), `${mark.slice(at)}\nof nobody\n`])
      assert.equal([texts.join('') === before, pending], [true, false], `${JSON.stringify(before.slice(-9))} ${at}`)
    }
  }
})

test('output of NULs without an end of line is handed over as it comes', async () => {
  const piece = '\u0000'.repeat(chunk)
  const { texts, pending } = await taken(Array.from({ length: 20 }, () => piece))
  const handed = texts.reduce((sum, text) => sum + text.length, 0)
  assert.ok(pending && handed >= 19 * chunk && texts.every(text => text.length < 3 * chunk), `${handed} in ${texts.length}`)
})

test.run()
