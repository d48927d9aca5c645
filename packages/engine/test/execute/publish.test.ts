import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { publish, publishRefusal, readPublished } from '../../src/execute/publish.js'
import type { KindDefinition } from '../../src/plugin/define.js'
import { withProject } from '../artifacts/fixture.js'

const waiting = { signal: new AbortController().signal }

test('two that publish into one project at a time both stay known as the writers of what they wrote', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    // As another process has it: with a queue of its own.
    const other = (await import(`${new URL('../../src/execute/publish.js', import.meta.url).href}?other`)) as { publish: typeof publish }
    assert.is.not(other.publish, publish)
    const output = async (text: string) => store.ingest(write(`made/${text}`, text), 'file', 'file')
    const names = Array.from({ length: 8 }, (_, i) => [`out/a${i}`, `out/b${i}`] as const)
    const [first, second] = [await output('first'), await output('second')]
    await Promise.all(names.flatMap(([a, b]) => [publish(store, dir, first, a, waiting), other.publish(store, dir, first, b, waiting)]))
    const ledger = JSON.parse(readFileSync(join(dir, '.hone/published.json'), 'utf8')) as object
    assert.equal(Object.keys(ledger).sort(), names.flat().sort())
    for (const name of names.flat()) {
      assert.is(await publish(store, dir, second, name, waiting), true)
      assert.is(readFileSync(join(dir, name), 'utf8'), 'second')
    }
    assert.is(await publish(store, dir, second, 'out/a0', waiting), false)
  }))

const file = { id: 'file', summary: '', form: 'file' } as const
const folder = { id: 'folder', summary: '', form: 'folder' } as const
const model = { ...folder, files: (paths: readonly string[]) => paths.filter(path => path === 'config.json') }

test('what somebody else wrote is not written over, and that is known before there is anything to publish', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const output = await store.ingest(write('made/text', 'made'), 'file', 'file')
    await publish(store, dir, output, 'out/a', waiting)
    write('mine', 'mine')
    write('theirs/config.json', '{}')
    write('theirs/README.md', 'read me')
    const refusal = async (path: string, kind: KindDefinition, made?: typeof output) => (await publishRefusal(store, dir, kind, path, await readPublished(dir), made))?.message
    const foreign = (path: string) => `cannot publish to ${path}: what is there was not written by hone, or was changed since`
    assert.is(await refusal('mine', file), foreign('mine'))
    assert.is(await refusal('mine', folder), foreign('mine'))
    assert.is(await refusal('theirs', file), foreign('theirs'))
    assert.is(await refusal('theirs', model), foreign('theirs/config.json'))
    assert.is(await refusal('mine/below', file), 'cannot publish to mine/below: mine is a file, and a folder should be there')
    for (const [path, kind] of [['out/a', file], ['out/b', file], ['theirs', folder], ['out', model]] as const) assert.is(await refusal(path, kind), undefined, path)
    write('out/a', 'changed')
    assert.is(await refusal('out/a', file), foreign('out/a'))
    assert.is(await refusal('out/a', file, output), foreign('out/a'))
    try {
      await publish(store, dir, output, 'out/a', waiting)
      assert.unreachable('it must be refused')
    } catch (error) {
      assert.is((error as Error).message, foreign('out/a'))
    }
    // The same is as good as written.
    write('mine', 'made')
    assert.is(await refusal('mine', file, output), undefined)
  }))

test('a name as long as the file system lets one be is published', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const name = `out/${'n'.repeat(255)}`
    assert.is(await publish(store, dir, await store.ingest(write('made', 'text'), 'file', 'file'), name, waiting), true)
    assert.is(readFileSync(join(dir, name), 'utf8'), 'text')
    assert.equal(readdirSync(join(dir, 'out')), ['n'.repeat(255)])
  }))

test.run()
