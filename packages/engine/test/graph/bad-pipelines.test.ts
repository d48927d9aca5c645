// A folder of mistakes: NAME.yaml and, word for word, what is printed for it in NAME.txt. A first line such as
// `# --set rank=x` gives options. UPDATE_EXPECTED=1 writes the .txt files anew; read what it wrote.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { codes } from '../../src/index.js'
import { render, resolveText } from '../resolve-text.js'

const folder = join(dirname(fileURLToPath(import.meta.url)), '../fixtures/bad-pipelines')
const names = readdirSync(folder).filter(file => file.endsWith('.yaml')).map(file => file.replace('.yaml', '')).sort()
const test = suite('bad pipelines')
const seen = new Set<string>()

for (const name of names) {
  test(`${name.replaceAll('-', ' ')} is explained`, () => {
    const text = readFileSync(join(folder, `${name}.yaml`), 'utf8')
    const set = [.../^# --set (.*)$/gm[Symbol.matchAll](text)].map(match => match[1]!)
    const params = /^# --params (.*)$/m.exec(text)?.[1]
    const result = resolveText(text, { set, ...(params !== undefined && { paramsFile: { file: '/project/params.yaml', text: params.replaceAll('\\n', '\n') } }) })
    for (const d of result.diagnostics) seen.add(d.code)
    const printed = `${render(result.diagnostics, text)}\n`
    const file = join(folder, `${name}.txt`)
    if (process.env.UPDATE_EXPECTED) writeFileSync(file, printed)
    assert.is(printed, readFileSync(file, 'utf8'))
    assert.is(result.ok, !result.diagnostics.some(d => d.severity === 'error'))
  })
}

test('there is a folder full of them', () => {
  assert.ok(names.length >= 45, `${names.length}`)
})

test('every code of this half of the engine is shown by one', () => {
  const src = join(folder, '../../../src')
  const used = new Set<string>()
  for (const part of ['source', 'graph']) {
    for (const entry of readdirSync(join(src, part), { recursive: true, withFileTypes: true })) {
      if (!entry.name.endsWith('.ts')) continue
      for (const [code] of readFileSync(join(entry.parentPath, entry.name), 'utf8').matchAll(/(?<=')[a-z]+(?:-[a-z]+)*(?=')/g)) if (code in codes) used.add(code)
    }
  }
  assert.ok(used.size >= 35, `${used.size}`)
  // These need a plugin that contradicts itself, or a command line.
  const shownElsewhere = ['plugin-fault', 'unknown-selection']
  assert.equal([...used].filter(code => !seen.has(code) && !shownElsewhere.includes(code)), [])
})

test.run()
