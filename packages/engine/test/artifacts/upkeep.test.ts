import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { collectGarbage, pinRun } from '../../src/artifacts/collect.js'
import { inventory } from '../../src/artifacts/inventory.js'
import { realIo } from '../../src/artifacts/io.js'
import type { FileStore } from '../../src/artifacts/store.js'
import type { ActionRecord } from '../../src/artifacts/types.js'
import { verifyStore } from '../../src/artifacts/verify.js'
import { recordOf, withProject } from './fixture.js'

const later = (hours: number) => ({ ...realIo, nowMs: () => Date.now() + hours * 3_600_000 })

async function fileResult(store: FileStore, path: string, name: string): Promise<ActionRecord> {
  return store.publish(recordOf([{ name: 'name', value: name }], { out: await store.ingest(path, 'file', 'file') }, { node: name }))
}

async function folderResult(store: FileStore, path: string, name: string): Promise<ActionRecord> {
  return store.publish(recordOf([{ name: 'name', value: name }], { out: await store.ingest(path, 'model', 'folder') }, { node: name }))
}

const pathOf = (store: FileStore, record: ActionRecord) => store.pathOf(record.outputs.out as never)

function writeRun(store: FileStore, id: string, pipeline: string, at: string, records: readonly ActionRecord[], status?: string): void {
  mkdirSync(join(store.at.runs, id), { recursive: true })
  const events = [
    { type: 'run-started', at, run: id, file: pipeline },
    { type: 'output', text: '{"type":"stage-finished"}' },
    ...records.map(r => ({ type: 'stage-finished', stage: r.node, key: r.key })),
    ...(status ? [{ type: 'run-finished', status }] : []),
  ]
  writeFileSync(join(store.at.runs, id, 'events.jsonl'), events.map(e => `${JSON.stringify(e)}\n`).join(''))
}

test('verify of a sound store finds nothing and hashes shared bytes once', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    await fileResult(store, write('a', 'same'), 'a')
    write('m/x', 'same')
    write('m/y', 'other')
    await folderResult(store, join(dir, 'm'), 'm')
    assert.equal(await verifyStore(store), { objects: 2, bytes: 9, moved: [], lost: [] })
  }))

test('verify finds flipped bytes that no stat shows, moves them aside, and the result is made anew', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const make = async () => {
      write('m/x', 'weights')
      return folderResult(store, join(dir, 'm'), 'm')
    }
    const kept = await fileResult(store, write('a', 'fine'), 'a')
    const record = await make()
    const inside = join(pathOf(store, record), 'x')
    chmodSync(inside, 0o644)
    writeFileSync(inside, 'weightZ')
    const report = await verifyStore(store)
    assert.equal(report.moved.map(m => m.problem), ['the content does not have the digest that names it', 'x has been changed'])
    assert.equal(report.lost.map(l => l.node), ['m'])
    assert.is(readdirSync(store.at.quarantine).length, 3)
    assert.is(await store.lookup(record.key), undefined)
    assert.ok(await store.lookup(kept.key))
    assert.equal((await verifyStore(store)).moved, [])
    await make()
    assert.ok(await store.lookup(record.key))
  }))

test('verify finds added files, unreadable records, false manifests and missing objects', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    write('m/x', '1')
    const m = await folderResult(store, join(dir, 'm'), 'm')
    write('n/x', '2')
    const n = await folderResult(store, join(dir, 'n'), 'n')
    const gone = await fileResult(store, write('g', '3'), 'gone')
    const torn = await fileResult(store, write('t', '4'), 'torn')
    writeFileSync(join(pathOf(store, m), 'extra'), '')
    chmodSync(store.at.manifest(n.outputs.out!.digest), 0o644)
    writeFileSync(store.at.manifest(n.outputs.out!.digest), '{"entries":[],"folder":1}')
    rmSync(pathOf(store, gone), { force: true })
    writeFileSync(store.at.action(torn.key), '{"schema":1,')
    const fresh = await open()
    const { moved, lost } = await verifyStore(fresh)
    assert.equal(moved.map(w => w.problem).sort(), [
      'extra has been added',
      'the folder has no list of its files',
      'the list of files does not have the digest that names it',
      'the record cannot be read',
    ])
    assert.equal(lost.map(l => l.node).sort(), ['gone', 'm', 'n'])
  }))

test('gc keeps the last successful run of each pipeline, the newest runs, pinned ones, and removes the rest', () =>
  withProject(async ({ dir, open, write }) => {
    const store = await open()
    const result = (name: string) => fileResult(store, write(name, name), name)
    const [p1, p2, q1, old, pinned, newest] = [await result('p1'), await result('p2'), await result('q1'), await result('old'), await result('pinned'), await result('newest')]
    write('m/a', 'shared')
    write('m/b', 'only m')
    const model = await folderResult(store, join(dir, 'm'), 'm')
    write('o/a', 'shared')
    write('o/b', 'only o')
    const oldModel = await folderResult(store, join(dir, 'o'), 'o')
    writeRun(store, 'r1', 'p.yaml', '2026-01-01', [old, p1, oldModel], 'succeeded')
    writeRun(store, 'r2', 'p.yaml', '2026-01-02', [p2, p1, model], 'succeeded')
    writeRun(store, 'r3', 'q.yaml', '2026-01-03', [q1], 'succeeded')
    writeRun(store, 'r4', 'q.yaml', '2026-01-04', [pinned], 'failed')
    writeRun(store, 'r5', 'q.yaml', '2026-01-05', [newest], 'failed')
    assert.ok(pinRun(store, 'r4', true))
    assert.not.ok(pinRun(store, 'nope', true))

    const keys = async () => (await inventory(store)).map(e => e.record.node).sort()
    assert.equal(collectGarbage(store, { keep: 1 }).records, 0, 'all of it was touched in the last hour')
    const evening = await open(later(2))
    const dry = collectGarbage(evening, { keep: 1, dryRun: true })
    assert.is((await keys()).length, 8)
    const report = collectGarbage(evening, { keep: 1 })
    assert.equal(report, dry)
    assert.equal([...report.keptRuns].sort(), ['r2', 'r3', 'r4', 'r5'])
    assert.equal(await keys(), ['m', 'newest', 'p1', 'p2', 'pinned', 'q1'])
    assert.is(report.bytes, 'old'.length + 'only o'.length)
    assert.ok(await evening.lookup(model.key))
    assert.equal((await verifyStore(evening)).lost, [])
    pinRun(store, 'r4', false)
    collectGarbage(evening, { keep: 0 })
    assert.equal(await keys(), ['m', 'p1', 'p2', 'q1'])
  }))

test('gc leaves a run that may still be going on, what it reuses, locked work and fresh scratch alone', () =>
  withProject(async ({ open, write }) => {
    const store = await open()
    const used = await fileResult(store, write('u', 'u'), 'used')
    writeRun(store, 'r1', 'p.yaml', '2026-01-01', [used])
    writeRun(store, 'r2', 'p.yaml', '2026-01-02', [], 'succeeded')
    const stale = await store.attempt('1'.repeat(64) as never)
    writeFileSync(join(stale.scratch, 'checkpoint'), '')
    const locked = await store.attempt('2'.repeat(64) as never)
    const lock = await store.lock('2'.repeat(64) as never, { signal: new AbortController().signal })
    const evening = await open(later(2))
    collectGarbage(evening, { keep: 0 })
    assert.ok(await store.lookup(used.key))
    assert.not.ok(existsSync(stale.dir))
    assert.ok(existsSync(join(stale.scratch, 'checkpoint')))
    assert.ok(existsSync(locked.dir))
    await lock.release()
    collectGarbage(await open(later(24 * 8)), { keep: 0 })
    assert.equal(readdirSync(store.at.work), [])
  }))

test('an old object that was just produced again is not garbage before its record is there', () =>
  withProject(async ({ open, write }) => {
    const store = await open()
    const first = await store.ingest(write('a', 'x'.repeat(10)), 'file', 'file')
    // Two hours later the same bytes come again; the clock of the files cannot be moved, so that of gc is.
    await new Promise(done => setTimeout(done, 30))
    const between = Date.now()
    await new Promise(done => setTimeout(done, 30))
    await store.ingest(write('a', 'x'.repeat(10)), 'file', 'file')
    collectGarbage(await open({ ...realIo, nowMs: () => between + 3_600_000 }), { keep: 0 })
    assert.ok(existsSync(store.pathOf(first)))
    assert.ok(await store.verifyUnchanged(first))
  }))

test('what a program that shows folders left among the files of the store stops neither gc nor verify, and stays', () =>
  withProject(async ({ open, write }) => {
    const store = await open(later(2))
    const record = await fileResult(store, write('a', 'fine'), 'a')
    writeRun(store, 'r', 'p.yaml', '2026-01-01', [record], 'succeeded')
    const shard = join(store.at.objects, record.outputs.out!.digest.slice(0, 2))
    for (const dir of [store.at.objects, shard, store.at.actions, store.at.states, store.at.memo, store.at.runs, join(store.at.actions, 'ab')]) mkdirSync(dir, { recursive: true })
    const strays = [store.at.objects, shard, store.at.actions, store.at.states, store.at.memo, store.at.runs].map(dir => join(dir, '.DS_Store'))
    for (const stray of [...strays, join(store.at.actions, '.x')]) writeFileSync(stray, '')
    rmSync(join(store.at.actions, 'ab'), { recursive: true })
    writeFileSync(join(store.at.actions, 'ab'), '')
    assert.equal(await verifyStore(store), { objects: 1, bytes: 4, moved: [], lost: [] })
    const { records, objects } = collectGarbage(store, { keep: 1 })
    assert.equal([records, objects], [0, 0])
    assert.ok(strays.every(stray => existsSync(stray)))
    assert.is((await inventory(store)).length, 1)
  }))

test.run()
