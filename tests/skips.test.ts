// What is left out of the tests must be listed.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root, text } from './sources.js'

const test = suite('skipped tests')
type Skip = { readonly file: string; readonly test: string; readonly reason: string }
const { tellSkips, toldSkips } = (await import(pathToFileURL(join(root, 'scripts/skips.mjs')).href)) as {
  tellSkips(skips: readonly Skip[], print: (line: string) => void): number
  toldSkips(text: string): string[]
}
const listed = JSON.parse(text('tests/allowed-skips.json')) as Skip[]

test('each is told with its reason, and one that is not listed counts as failed', () => {
  const lines: string[] = []
  const ours = listed.find(skip => skip.file === 'scripts/ci.mjs')!
  const other = { ...ours, test: 'another', reason: 'no wish' }
  assert.is(tellSkips([ours], () => {}), 0)
  assert.is(tellSkips([ours, other, { ...ours, file: 'tests/other.test.ts' }], line => lines.push(line)), 2)
  assert.equal(lines.map(line => line.endsWith('(not listed in tests/allowed-skips.json)')), [false, true, true])
  assert.is(lines[1], 'skipped scripts/ci.mjs › another: no wish (not listed in tests/allowed-skips.json)')
  assert.equal(toldSkips(`ok\n${lines.join('\n')}\nskipped by a stage\n3 passed, 2 failed, 3 skipped\n`), lines)
})

test('every listed one is of a file that is there, has a reason, and stands once', () => {
  for (const { file, reason } of listed) assert.ok(existsSync(join(root, file)) && reason.length > 10, file)
  assert.is(new Set(listed.map(skip => `${skip.file} ${skip.test}`)).size, listed.length)
})

test.run()
