import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { answerText } from '../../src/generate/answer-text.js'

const bytes = { decode: (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids)) }
const feed = (text: string, stop?: string[]) => {
  const answer = answerText(bytes, stop)
  const seen: string[] = []
  let stopped = false
  for (const byte of new TextEncoder().encode(text)) {
    stopped = answer.push(byte)
    seen.push(answer.text(true))
    if (stopped) break
  }
  return { seen, stopped, text: answer.text() }
}

test('what is settled never ends in half a character', () => {
  assert.equal(feed('aé€').seen, ['a', 'a', 'aé', 'aé', 'aé', 'aé€'])
})

test('an answer ends before the first stop string, and no part of one is settled before', () => {
  const { seen, stopped, text } = feed('one\nENDtwo', ['\nEND', 'two'])
  assert.is(stopped, true)
  assert.is(text, 'one')
  assert.equal(seen, ['o', 'on', 'one', 'one', 'one', 'one', 'one'])
})

test('without a stop string in it the whole text is given', () => {
  assert.equal(feed('one\nEN', ['\nEND']).text, 'one\nEN')
})

test.run()
