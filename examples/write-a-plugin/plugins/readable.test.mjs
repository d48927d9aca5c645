// node --test examples/write-a-plugin/plugins/readable.test.mjs
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conformance, loadPlugin, runStage } from 'hone-engine/testing'

const { stages } = await loadPlugin(new URL('./readable.ts', import.meta.url))
const stage = stages[0]
const setting = { inputs: { rows: [{ text: 'It is good.' }, { text: 'Notwithstanding incomprehensibility.' }] } }

test('keeps what is easy to read', async () => {
  const ran = await runStage(stage, setting)
  assert.deepEqual(await ran.rows('rows'), [{ text: 'It is good.', ease: 119 }])
})

// What hone relies on: the same bytes again, nothing written elsewhere, cancelled in time, wrong parameters refused by name, and more.
const wrong = [{ params: { column: 'absent' }, says: /no text in the column "absent"/ }, { params: { at_least: 120 }, says: /None of 2 texts/ }]
for (const { name, run } of conformance(stage, { ...setting, wrong })) test(name, run)
