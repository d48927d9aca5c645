import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { publish } from '../../src/execute/publish.js'
import { withProject } from '../artifacts/fixture.js'

test('two that publish into one project at a time both stay known as the writers of what they wrote', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    // As another process has it: with a queue of its own.
    const other = (await import(`${new URL('../../src/execute/publish.js', import.meta.url).href}?other`)) as { publish: typeof publish }
    assert.is.not(other.publish, publish)
    const output = async (text: string) => store.ingest(write(`made/${text}`, text), 'file', 'file')
    const names = Array.from({ length: 8 }, (_, i) => [`out/a${i}`, `out/b${i}`] as const)
    const [first, second] = [await output('first'), await output('second')]
    await Promise.all(names.flatMap(([a, b]) => [publish(store, dir, first, a), other.publish(store, dir, first, b)]))
    const ledger = JSON.parse(readFileSync(join(dir, '.hone/published.json'), 'utf8')) as object
    assert.equal(Object.keys(ledger).sort(), names.flat().sort())
    for (const name of names.flat()) {
      assert.is(await publish(store, dir, second, name), true)
      assert.is(readFileSync(join(dir, name), 'utf8'), 'second')
    }
    assert.is(await publish(store, dir, second, 'out/a0'), false)
  }))

test.run()
