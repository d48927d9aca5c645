import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseDotenv, readSecrets } from '../../src/source/secrets.js'

test('secrets are read of the environment, else of the file .env; a folder of that name is none of ours', () => {
  const root = mkdtempSync(join(tmpdir(), 'hone secrets '))
  try {
    mkdirSync(join(root, '.env'))
    assert.equal([...readSecrets(root, { HONE_SECRET_A: 'a', OTHER: 'b' })], [['A', 'a']])
    rmSync(join(root, '.env'), { recursive: true })
    writeFileSync(join(root, '.env'), 'HONE_SECRET_A=file\nexport HONE_SECRET_B="b c" # said\n')
    assert.equal([...readSecrets(root, { HONE_SECRET_A: 'a' })], [['A', 'a'], ['B', 'b c']])
  } finally {
    rmSync(root, { recursive: true })
  }
})

test('in double quotes \\n is a line break, and \\\\ a backslash whatever follows it', () => {
  assert.equal(parseDotenv(String.raw`A="a\nb"
B="a\\nb"
C='a\nb'
D="say \"x\""`), { A: 'a\nb', B: String.raw`a\nb`, C: String.raw`a\nb`, D: 'say "x"' })
})

test.run()
