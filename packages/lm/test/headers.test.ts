import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { loadTokenizer } from '../src/headers.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

test('what a plan looks at of models rests on no engine and no tensors', async () => {
  const { metafile } = await build({ entryPoints: [join(root, 'packages/lm/src/headers.ts')], bundle: true, write: false, metafile: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'silent', outdir: root })
  const packages = Object.values(metafile.outputs).flatMap(o => o.imports).filter(i => i.external && !isBuiltin(i.path)).map(i => i.path)
  assert.equal([...new Set(packages)], ['@huggingface/tokenizers'])
  assert.ok(Object.keys(metafile.inputs).length > 10)
})

test('a tokenizer is loaded once as long as its files are as they were, and what is wrong with it is told each time', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hone-headers-'))
  try {
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'config.json']) cpSync(join(root, 'models/hone-tiny', name), join(dir, name))
    const first = await loadTokenizer(dir)
    assert.is(await loadTokenizer(dir), first)
    const json = JSON.parse(readFileSync(join(dir, 'tokenizer.json'), 'utf8')) as { added_tokens: object[] }
    writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify({ ...json, added_tokens: [...json.added_tokens, { id: first.vocabSize, content: '<new>', special: true, single_word: false, lstrip: false, rstrip: false, normalized: false }] }))
    assert.is((await loadTokenizer(dir)).vocabSize, first.vocabSize + 1)
    writeFileSync(join(dir, 'tokenizer.json'), '{')
    for (const _ of [1, 2]) {
      const said = await loadTokenizer(dir).then(() => 'nothing', (e: Error) => e.message)
      assert.match(said, /tokenizer\.json.*is no JSON/)
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test.run()
