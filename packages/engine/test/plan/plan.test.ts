import { chmodSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NodeId } from '../../src/graph/graph.js'
import type { StageDefinition } from '../../src/plugin/define.js'
import { openStore } from '../../src/artifacts/store.js'
import { estimate } from '../../src/plan/estimate.js'
import { withProject } from '../artifacts/fixture.js'
import { lines, model, planOf, rows, runAll, sketchGraph, tryPlan, type NodeSketch } from './fixture.js'

const chain = (params: Record<string, number> = {}): Record<string, NodeSketch> => ({
  a: { params: { a: params.a ?? 1 } },
  b: { params: { b: params.b ?? 1 }, inputs: { x: { from: ['a'] } } },
  c: { params: { c: params.c ?? 1 }, inputs: { x: { from: ['b'] } } },
})

test('a first plan runs all, a second one after the run hits all', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const graph = sketchGraph(dir, chain())
    assert.equal(lines(await planOf(store, graph)), [
      'a: run (no record yet)',
      'b: run (no record yet; input x: upstream `a` will run)',
      'c: run (no record yet; input x: upstream `b` will run)',
    ])
    assert.equal(await runAll(store, graph), ['a', 'b', 'c'])
    const again = await planOf(await open(), graph)
    assert.equal(lines(again), ['a: hit', 'b: hit', 'c: hit'])
    assert.is([...again.nodes.values()][0]?.expectedMs, 1234)
  }))

test('how long a plan may take: all of its work, its longest chain, and what never ran', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const both = (a: number): Record<string, NodeSketch> => ({ ...chain({ a }), d: { params: { d: a }, inputs: { x: { from: ['a'] } } } })
    assert.equal(estimate(await planOf(store, sketchGraph(dir, both(1)))), { workMs: 0, chainMs: 0, untimed: ['a', 'b', 'c', 'd'] })
    await runAll(store, sketchGraph(dir, both(1)))
    assert.equal(estimate(await planOf(store, sketchGraph(dir, both(1)))), { workMs: 0, chainMs: 0, untimed: [] }, 'hits take no time')
    const more = { ...both(2), e: { params: { e: 1 }, inputs: { x: { from: ['c'] } } } }
    assert.equal(estimate(await planOf(store, sketchGraph(dir, more))), { workMs: 4 * 1234, chainMs: 3 * 1234, untimed: ['e'] }, 'a → b → c, and d beside b')
  }))

test('a changed parameter is the reason, what follows may still hit, and equal bytes end the work there', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    await runAll(store, sketchGraph(dir, chain()))
    const graph = sketchGraph(dir, chain({ a: 2 }))
    assert.equal(lines(await planOf(store, graph)), ['a: run (params.a: 1 → 2)', 'b: undetermined (input x: upstream `a` will run)', 'c: undetermined (input x: upstream `b` will run)'])
    assert.equal(await runAll(store, graph), ['a'], 'a gave the same bytes, so b and c are hits')
    assert.equal(lines(await planOf(store, graph)), ['a: hit', 'b: hit', 'c: hit'])
  }))

test('what changes itself and waits as well runs, with both reasons', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    await runAll(store, sketchGraph(dir, chain()))
    assert.equal(lines(await planOf(store, sketchGraph(dir, chain({ a: 2, b: 5 })))).slice(1), [
      'b: run (params.b: 1 → 5; input x: upstream `a` will run)',
      'c: undetermined (input x: upstream `b` will run)',
    ])
  }))

test('going back to an earlier parameter is a hit at once', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    await runAll(store, sketchGraph(dir, chain()))
    assert.equal(await runAll(store, sketchGraph(dir, chain({ c: 2 }))), ['c'])
    assert.equal(lines(await planOf(store, sketchGraph(dir, chain()))), ['a: hit', 'b: hit', 'c: hit'])
  }))

test('renaming a stage, moving the project and touching a file rerun nothing', () =>
  withProject(async ({ dir }) => {
    const at = (root: string) => openStore({ root: join(root, '.hone'), projectRoot: root })
    const sketch: Record<string, NodeSketch> = { read: { params: { path: 'x.csv' }, inputs: { file: { param: 'path' } } }, b: { inputs: { x: { from: ['read'] } } } }
    const root = join(dir, 'one')
    const store = await at(root)
    await store.attempt('0'.repeat(64) as never)
    writeFileSync(join(root, 'x.csv'), '1')
    assert.equal(await runAll(store, sketchGraph(root, sketch)), ['read', 'b'])
    await store.close()
    const moved = join(dir, 'two words')
    renameSync(root, moved)
    utimesSync(join(moved, 'x.csv'), 5, 5)
    const renamed = { ingest: sketch.read as NodeSketch, b: { inputs: { x: { from: ['ingest'] } } } }
    assert.equal(lines(await planOf(await at(moved), sketchGraph(moved, renamed))), ['ingest: hit', 'b: hit'])
    writeFileSync(join(moved, 'x.csv'), '2')
    assert.equal(lines(await planOf(await at(moved), sketchGraph(moved, sketch))), ['read: run (files file: .csv changed)', 'b: undetermined (input x: upstream `read` will run)'])
  }))

test('a damaged or missing result makes its stage run again and says so', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const graph = sketchGraph(dir, chain())
    await runAll(store, graph)
    const node = (await planOf(store, graph)).nodes.get('a' as NodeId)
    const path = store.pathOf((node?.action === 'hit' && node.record.outputs.out) as never)
    chmodSync(path, 0o644)
    writeFileSync(path, 'a.XXX')
    assert.is(lines(await planOf(store, graph))[0], 'a: run (its last result is missing from the store, or damaged)')
    rmSync(path)
    assert.is(lines(await planOf(store, graph))[0], 'a: run (its last result is missing from the store, or damaged)')
    assert.equal(await runAll(store, graph), ['a'])
    assert.equal(lines(await planOf(store, graph)), ['a: hit', 'b: hit', 'c: hit'])
  }))

test('force, cache: false and code that cannot be followed run with that reason', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    await runAll(store, sketchGraph(dir, chain()))
    assert.equal(lines(await planOf(store, sketchGraph(dir, chain()), { force: new Set(['b' as NodeId]) })), [
      'a: hit',
      'b: run (forced)',
      'c: undetermined (input x: upstream `b` will run)',
    ])
    assert.is(lines(await planOf(store, sketchGraph(dir, { a: { params: { a: 1 }, cache: false } })))[0], 'a: run (`cache: false`)')
    assert.match(lines(await planOf(store, sketchGraph(dir, { a: { code: null } })))[0] as string, 'nothing of it is kept')
  }))

test('a result of another engine is kept, unless the backend is chosen', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const tuned = (backend?: string): Record<string, NodeSketch> => ({
      a: { params: { rank: 8, ...(backend ? { backend } : {}) }, stage: { determinism: 'platform', engine: (_, chosen) => (chosen ?? machine) } as Partial<StageDefinition> },
    })
    let machine = 'onnx 1.30'
    await runAll(store, sketchGraph(dir, tuned()))
    machine = 'eager 2.9'
    assert.equal(lines(await planOf(store, sketchGraph(dir, tuned()))), [`a: hit (kept, computed by onnx 1.30 ${process.arch})`])
    const differs = [`a: run (engine: "onnx 1.30 ${process.arch}" → "eager 2.9 ${process.arch}")`]
    assert.equal(lines(await planOf(store, sketchGraph(dir, tuned()), { backend: 'eager 2.9' })), differs)
    assert.equal(lines(await planOf(store, sketchGraph(dir, tuned('eager 2.9')))), differs)
    assert.equal(lines(await planOf(store, sketchGraph(dir, tuned('onnx 1.30')))), ['a: hit'])
  }))

test('a stage that reads the outside world says from when its result is', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const graph = sketchGraph(dir, { a: { stage: { determinism: 'none' } } })
    await runAll(store, graph)
    assert.equal(lines(await planOf(store, graph)), ['a: hit (pinned 2026-03-04)'])
  }))

test('a false `when` skips the stage and what needs it, a many port only drops the member', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const graph = sketchGraph(dir, {
      off: { when: false },
      on: {},
      single: { inputs: { x: { from: ['off'] } } },
      ordered: { needs: ['off'] },
      many: { inputs: { x: { from: ['off', 'on'], labels: ['off', 'on'], many: true } } },
      none: { inputs: { x: { from: ['off'], many: true } } },
    })
    assert.equal(await runAll(store, graph), ['on', 'many'])
    assert.equal(lines(await planOf(store, graph)), [
      'off: skip (`when` is false)',
      'on: hit',
      'single: skip (off is skipped)',
      'ordered: skip (off is skipped)',
      'many: hit',
      'none: skip (all that "x" takes is skipped)',
    ])
  }))

test('every missing file and every complaint of a check is reported at once, at its parameter', () =>
  withProject(async ({ dir, open, write }) => {
    write('m/config.json', '{}')
    write('empty.csv', '')
    let asked = 0
    const checked = { ...model, check: async (path: string) => (asked++, [{ message: `${path.slice(dir.length + 1)} has no weights`, hint: 'Fetch them.' }]) }
    const result = await tryPlan(await open(), sketchGraph(dir, {
      a: { params: { path: 'nö.csv' }, inputs: { file: { param: 'path' } } },
      b: { params: { paths: ['x/*.md', 'empty.csv'] }, inputs: { files: { param: 'paths', glob: true, many: true } } },
      c: { params: { model: 'm' }, inputs: { model: { param: 'model', kind: checked } } },
      c2: { params: { model: 'm', other: 1 }, inputs: { model: { param: 'model', kind: checked } } },
      d: { params: { rank: 0 }, stage: { check: ({ params }) => [{ message: `rank is ${params.rank}`, param: 'rank' }, { message: 'slow', severity: 'warning' }] } },
      e: { stage: { check: () => { throw new Error('oops') } } },
      e2: { params: { n: 2 }, stage: { check: () => undefined as never } },
      e3: { params: { n: 3 }, stage: { check: () => 'no' as never } },
      e4: { params: { n: 4 }, stage: { check: async () => [{ message: 'no', severity: 'info' as never }] } },
      f: { params: { path: 'm' }, inputs: { file: { param: 'path' } } },
      g: { params: { model: 'hf:a/b' }, inputs: { model: { param: 'model', kind: model } } },
    }))
    assert.not.ok(result.ok)
    const said = result.diagnostics.map(d => [d.range?.file, d.severity, d.code, d.message])
    assert.equal(said, [
      ['stages/a/with/path', 'error', 'missing-file', `There is no "nö.csv", looked for in ${dir}`],
      ['stages/b/with/paths', 'error', 'missing-file', '"x/*.md" names no file'],
      ['stages/c/with/model', 'error', 'bad-artifact', 'm has no weights'],
      ['stages/c2/with/model', 'error', 'bad-artifact', 'm has no weights'],
      ['stages/d/with', 'warning', 'stage-check', 'slow'],
      ['stages/d/with/rank', 'error', 'stage-check', 'rank is 0'],
      ['stages/e/with', 'error', 'plugin-fault', 'the check of test/stage failed: oops'],
      ['stages/e2/with', 'error', 'plugin-fault', 'the check of test/stage answers undefined; a list of problems is wanted, [] where nothing is wrong'],
      ['stages/e3/with', 'error', 'plugin-fault', 'the check of test/stage answers "no"; a list of problems is wanted, [] where nothing is wrong'],
      ['stages/e4/with', 'error', 'plugin-fault', `the check of test/stage answers {"message":"no","severity":"info"} among its problems; { message } is wanted, with param, hint and severity 'error' or 'warning' if need be`],
      ['stages/f/with/path', 'error', 'unreadable-file', '"m" is a folder; a file is asked for'],
      ['stages/g/with/model', 'error', 'unknown-reference', '"hf:a/b" is not a path, and is not on this machine'],
    ])
    assert.is(asked, 1, 'two nodes that name one model look at it once')
  }))

test('with --only, what is needed and not there is a mistake', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const graph = sketchGraph(dir, chain())
    const result = await tryPlan(store, graph, { mustHit: new Set(['a' as NodeId]), selection: new Set(['a', 'b'] as NodeId[]) })
    assert.equal(result.diagnostics.map(d => [d.code, d.message]), [['not-a-hit', 'a would have to run first: no record yet']])
    await runAll(store, graph)
    const plan = await planOf(store, graph, { mustHit: new Set(['a' as NodeId]), selection: new Set(['a', 'b'] as NodeId[]), force: new Set(['b' as NodeId]) })
    assert.equal(lines(plan), ['a: hit', 'b: run (forced)'])
  }))

test('a forced rerun with other bytes reruns what follows', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const graph = sketchGraph(dir, chain())
    await runAll(store, graph)
    assert.equal(await runAll(store, graph, node => `${node} anew`, { force: new Set(['a' as NodeId]) }), ['a', 'b', 'c'])
    assert.equal(lines(await planOf(store, graph)), ['a: hit', 'b: hit', 'c: hit'])
  }))

test('one changed member of a thousand is found, and nothing else runs', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const wide = (value: number): Record<string, NodeSketch> => ({
      ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`n${i}`, { params: { i, v: i === 123 ? value : 0 } }])),
      all: { inputs: { x: { from: Array.from({ length: 300 }, (_, i) => `n${i}`), labels: Array.from({ length: 300 }, (_, i) => `i=${i}`), many: true, kind: rows } } },
    })
    await runAll(store, sketchGraph(dir, wide(0)))
    const plan = await planOf(store, sketchGraph(dir, wide(1)))
    assert.equal([...plan.nodes.values()].filter(n => n.action !== 'hit').map(n => `${n.node.id} ${n.action}`), ['n123 run', 'all undetermined'])
    assert.equal(await runAll(store, sketchGraph(dir, wide(1)), (node, port) => (node === 'n123' ? 'new' : `${node}.${port}`)), ['n123', 'all'])
    assert.equal((await planOf(store, sketchGraph(dir, wide(0)))).nodes.get('all' as NodeId)?.action, 'hit')
  }))

test.run()
