import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { adopt } from '../../src/plan/adopt.js'
import { withProject } from '../artifacts/fixture.js'
import { lines, outcomeOf, planOf, runAll, sketchGraph } from './fixture.js'

const now = Date.UTC(2026, 4, 6)

test('an old result is kept under the new key after an edit of code, and says so ever after', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    await runAll(store, sketchGraph(dir, { a: { params: { x: 1 } } }))
    const previous = store.recordOf(store.lastKeys('p.yaml').get('a')!)
    const graph = sketchGraph(dir, { a: { params: { x: 1 }, code: 'edited' }, b: { inputs: { x: { from: ['a'] } } } })
    assert.is(lines(await planOf(store, graph))[0], 'a: run (the code of test/stage changed)')
    const present = await outcomeOf(store, graph, 'a')
    if (present.type !== 'ready') return assert.unreachable()
    const done = await adopt(previous, present, store, now)
    assert.is(done.type, 'adopted')
    assert.is(lines(await planOf(store, graph))[0], `a: hit (adopted from ${previous!.key.slice(0, 12)} on 2026-05-06)`)
    assert.is((await adopt(previous, present, store, now)).type, 'already-a-hit')
  }))

test('nothing is adopted where more than the code differs, or where there is nothing whole to adopt', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    await runAll(store, sketchGraph(dir, { a: { params: { x: 1 } } }))
    const previous = store.recordOf(store.lastKeys('p.yaml').get('a')!)
    const present = await outcomeOf(store, sketchGraph(dir, { a: { params: { x: 2 }, code: 'edited' } }), 'a')
    if (present.type !== 'ready') return assert.unreachable()
    assert.equal(await adopt(previous, present, store, now), { type: 'refused', reasons: ['params.x: 1 → 2'] })
    assert.equal(await adopt(undefined, present, store, now), { type: 'refused', reasons: ['there is no earlier result to adopt'] })
  }))

test.run()
