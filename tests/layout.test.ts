// Who may import whom, as architecture.md draws it, read from the sources.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { filesBelow, importsOf, text } from './sources.js'

const test = suite('the layout')
const sources = filesBelow('packages').filter(f => /^packages\/[^/]+\/src\/.*\.tsx?$/.test(f))
const testFiles = [...filesBelow('packages'), ...filesBelow('tests')].filter(f => f.endsWith('.test.ts'))

/** `lm ← plugins → engine`, `cli → engine, plugins`. */
const packages: Record<string, readonly string[]> = {
  engine: [],
  lm: [],
  plugins: ['engine', 'lm'],
  cli: ['engine', 'plugins'],
}

/** The folders of the engine in the order of the flow: each imports only those above it, and itself. */
const engine = ['diagnostics', 'artifacts', 'plugin', 'source', 'graph', 'plan', 'events', 'execute', 'report', 'testing']

test('there are sources to look at', () => {
  assert.ok(sources.length > 200, `${sources.length} sources`)
  for (const name of ['engine', 'lm', 'plugins', 'cli']) assert.ok(sources.some(f => f.startsWith(`packages/${name}/`)), name)
  assert.ok(sources.flatMap(file => importsOf(file)).length > 2 * sources.length)
})

test('packages import only those that the table lets them, and see one another through their index, and models through the headers of lm', () => {
  const wrong: string[] = []
  for (const file of sources) {
    const own = file.split('/')[1]!
    for (const name of importsOf(file)) {
      const other = /^hone-(engine|lm|plugins|cli)((?:\/.*)?)$/.exec(name) ?? /^packages\/([^/]+)(.*)$/.exec(name)
      if (!other || other[1] === own) continue
      const isIndex = name.startsWith('hone-') && (other[2] === '' || other[2] === '/headers' || other[2] === '/package.json')
      if (!packages[own]?.includes(other[1]!) || !isIndex) wrong.push(`${file} imports ${name}`)
    }
  }
  assert.equal(wrong, [])
})

test('inside the engine a folder imports only those above it', () => {
  const wrong: string[] = []
  const folderOf = (path: string) => /^packages\/engine\/src\/([^/]+)\//.exec(path)?.[1]
  for (const file of sources.filter(f => f.startsWith('packages/engine/src/'))) {
    const own = folderOf(file)
    if (own === undefined) continue
    assert.ok(engine.includes(own), `${own} stands in the order of folders`)
    for (const path of importsOf(file).filter(p => p.startsWith('packages/engine/'))) {
      const other = folderOf(path)
      const isCompose = path === 'packages/engine/src/compose.js'
      if (isCompose || other === undefined ? !isCompose : engine.indexOf(other) > engine.indexOf(own)) wrong.push(`${file} imports ${path}`)
    }
  }
  assert.equal(wrong, [])
})

test('no files import one another in a circle, not for types either; what runs is loaded by what defines it', () => {
  const left = new Map(sources.map(file => [file, importsOf(file, { lazily: false }).map(path => path.replace(/\.js$/, '.ts')).filter(path => sources.includes(path))]))
  for (let size = 0; size !== left.size; ) {
    size = left.size
    for (const [file, imports] of left) if (imports.every(path => !left.has(path))) left.delete(file)
  }
  assert.equal([...left.keys()], [], 'these lead into a circle')
})

test('only compose.ts imports the container, and only tests import uvu', () => {
  for (const file of sources) {
    const imports = importsOf(file)
    if (file !== 'packages/engine/src/compose.ts') assert.not.ok(imports.some(i => i === 'inversify' || i === 'reflect-metadata'), file)
    assert.not.ok(imports.some(i => i === 'uvu' || i.startsWith('uvu/')), file)
  }
  assert.ok(importsOf('packages/engine/src/compose.ts').includes('inversify'))
})

test('a source reaches nothing outside its own src but by the name of a package', () => {
  const wrong: string[] = []
  for (const file of sources) {
    const own = file.split('/').slice(0, 3).join('/')
    for (const name of importsOf(file)) if (/^(\.\.|\/|packages\/|tests\/|examples\/|pipelines\/)/.test(name) && !name.startsWith(`${own}/`)) wrong.push(`${file} imports ${name}`)
  }
  assert.equal(wrong, [])
})

test('every test file runs its tests, and no folder is a drawer for everything', () => {
  assert.ok(testFiles.length > 50)
  for (const file of testFiles) assert.match(text(file), /^\s*\w+\.run\(\)\s*$/m, file)
  for (const file of sources) assert.not.match(file, /\/(utils?|helpers?|common|managers?)[/.]/)
})

test.run()
