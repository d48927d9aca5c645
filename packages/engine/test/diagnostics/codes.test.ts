import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { codes } from '../../src/index.js'

const test = suite('codes')
const root = join(dirname(fileURLToPath(import.meta.url)), '../../../..')
const page = readFileSync(join(root, 'docs/diagnostics.md'), 'utf8')
const sections = new Map([...page.matchAll(/^### `([a-z-]+)`\n([^#]*)/gm)].map(match => [match[1]!, match[2]!.replaceAll('\n', ' ')]))

test('every code has a section in docs/diagnostics.md, and every section a code', () => {
  assert.equal([...sections.keys()].sort(), Object.keys(codes).sort())
})

test('a section begins with the line that explains the code', () => {
  for (const [code, line] of Object.entries(codes)) assert.ok(sections.get(code)!.startsWith(line), `${code}: ${line}`)
})

test('no source file uses a code that is not listed', () => {
  const used = new Set<string>()
  for (const entry of readdirSync(join(root, 'packages/engine/src'), { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.ts') || entry.name === 'codes.ts') continue
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8')
    for (const match of text.matchAll(/(?:\bcode: |\b(?:error|warning)\()'([a-z]+(?:-[a-z]+)*)'/g)) used.add(match[1]!)
  }
  assert.ok(used.size > 30)
  assert.equal([...used].filter(code => !(code in codes)), [])
})

test.run()
