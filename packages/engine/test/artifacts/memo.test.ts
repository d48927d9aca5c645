import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openMemo } from '../../src/artifacts/memo.js'
import type { Json } from '../../src/artifacts/types.js'
import type { StageRequest } from '../../src/execute/request.js'
import { openStageMemo } from '../../src/execute/stage-memo.js'

async function withMemo(act: (root: string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'hone memo-'))
  try {
    await act(root)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

interface Use { digest?: string; salt?: Json; chunk?: number; fn?: (rows: readonly Json[]) => Json[] }

/** What `map` gives for rows, and the chunks for which it asked `fn`. */
async function use(root: string, rows: readonly Json[], { digest = 'c0de', salt = null, chunk, fn = rs => rs.map(r => ({ row: r })) }: Use = {}) {
  const memo = openMemo({ root, digest, signal: new AbortController().signal })
  const asked: Json[][] = []
  const given: Json[] = []
  for await (const out of memo.map(rows, { salt, ...(chunk ? { chunk } : {}) }, rs => (asked.push([...rs]), fn(rs)))) given.push(out)
  memo.close()
  return { asked, given }
}

const packsOf = (root: string) => readdirSync(join(root, 'c0de')).map(name => join(root, 'c0de', name))

test('only rows that are new are computed, and the results keep their order', () =>
  withMemo(async root => {
    assert.equal((await use(root, ['a', 'b', 'a'])).asked, [['a'], ['b']])
    const again = await use(root, ['b', 'c', 'a'])
    assert.equal(again.asked, [['c']])
    assert.equal(again.given, [{ row: 'b' }, { row: 'c' }, { row: 'a' }])
  }))

test('a function that answers no list is named, and nothing of it is kept', () =>
  withMemo(async root => {
    for (const [wrong, got] of [[undefined, 'undefined'], [null, 'null'], [{ a: 1 }, 'an object'], ['text', 'a string'], [3, 'a number']] as const) {
      const without = openStageMemo({ memoRoot: root, memoDigest: undefined } as StageRequest, new AbortController().signal)
      const uses = [() => use(root, ['a'], { fn: () => wrong as never }), async () => { for await (const _ of without.map(['a'], { salt: null }, () => wrong as never)); }]
      for (const go of uses) {
        try {
          await go()
          assert.unreachable(got)
        } catch (error) {
          assert.instance(error, TypeError)
          assert.is((error as Error).message, `the function of memo.map must answer a list, the results of the rows that it was given; got ${got}`)
        }
      }
    }
    assert.equal((await use(root, ['a'])).given, [{ row: 'a' }])
  }))

test('other code or another salt shares nothing', () =>
  withMemo(async root => {
    await use(root, ['a'])
    assert.is((await use(root, ['a'], { digest: 'other' })).asked.length, 1)
    assert.is((await use(root, ['a'], { salt: { prompt: 1 } })).asked.length, 1)
    assert.is((await use(root, ['a'])).asked.length, 0)
  }))

test('a row may give several results or none, and what is given is the same with the memo empty and full', () =>
  withMemo(async root => {
    const odd = { fn: (rows: readonly Json[]) => (rows[0] === 'none' ? [] : [{ z: 1, a: -0, gone: undefined as never, nan: Number.NaN }, 'ä\u2028\ud83d']) }
    const first = await use(root, ['none', 'two'], odd)
    const second = await use(root, ['none', 'two'], odd)
    assert.is(second.asked.length, 0)
    assert.is(JSON.stringify(second.given), JSON.stringify(first.given))
    assert.equal(second.given, first.given)
    assert.equal(Object.keys(first.given[0] as object), ['z', 'a', 'nan'])
  }))

test('a row added in front moves no later chunk boundary', () =>
  withMemo(async root => {
    const rows = Array.from({ length: 2000 }, (_, i) => `row ${i}`)
    const first = await use(root, rows, { chunk: 16 })
    assert.ok(first.asked.length > 60 && first.asked.length < 250, String(first.asked.length))
    assert.ok(first.asked.every(c => c.length <= 64))
    const second = await use(root, ['new', ...rows], { chunk: 16 })
    assert.ok(second.asked.length <= 2, String(second.asked.length))
    assert.equal(second.given, ['new', ...rows].map(row => ({ row })))
  }))

test('a torn tail and a damaged entry are computed again, everything before them is kept', () =>
  withMemo(async root => {
    await use(root, ['a', 'b', 'c'])
    const [pack] = packsOf(root) as [string]
    const text = readFileSync(pack)
    truncateSync(pack, text.length - 5)
    assert.equal((await use(root, ['a', 'b', 'c'])).asked, [['c']])
    for (const other of packsOf(root)) if (other !== pack) rmSync(other)
    writeFileSync(pack, text.toString().replace('"row":"b"', '"row":"X"'))
    const { asked, given } = await use(root, ['a', 'b', 'c'])
    assert.equal(asked, [['b']])
    assert.equal(given, [{ row: 'a' }, { row: 'b' }, { row: 'c' }])
    appendFileSync(pack, 'not an entry\n')
    assert.equal((await use(root, ['a', 'b', 'c'])).asked, [])
  }))

test('what was computed before kill -9 is not computed again', () =>
  withMemo(async root => {
    const source = fileURLToPath(new URL('../../src/artifacts/memo.ts', import.meta.url))
    const script = `
      import { openMemo } from ${JSON.stringify(source)}
      const memo = openMemo({ root: ${JSON.stringify(root)}, digest: 'c0de', signal: new AbortController().signal })
      for await (const out of memo.map([0, 1, 2, 3, 4], { salt: null }, async ([row]) => {
        if (row === 3) { console.log('at 3'); await new Promise(() => setInterval(() => {}, 1000)) }
        return [{ row }]
      })) void out`
    const file = join(root, 'child.mts')
    writeFileSync(file, script)
    const child = spawn(process.execPath, [...process.execArgv, file], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'close')
    assert.equal((await use(root, [0, 1, 2, 3, 4])).asked, [[3], [4]])
  }))

test('a folder that cannot be written costs only the memo', () =>
  withMemo(async root => {
    writeFileSync(join(root, 'c0de'), 'a file where a folder should be')
    await use(root, ['a']).then(({ given }) => assert.equal(given, [{ row: 'a' }]), error => assert.unreachable(String(error)))
  }))

test('an abort ends the mapping before the next row', () =>
  withMemo(async root => {
    const abort = new AbortController()
    const memo = openMemo({ root, digest: 'c0de', signal: abort.signal })
    const seen: Json[] = []
    try {
      for await (const out of memo.map(['a', 'b'], { salt: null }, rows => rows)) {
        seen.push(out)
        abort.abort()
      }
      assert.unreachable()
    } catch (error) {
      assert.is((error as Error).name, 'AbortError')
    }
    assert.equal(seen, ['a'])
  }))

test.run()
