import { existsSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { digestOf } from '../../src/artifacts/digest.js'
import type { Digest, LockHolder } from '../../src/artifacts/types.js'
import { inChild } from './child.js'
import { recordOf, withProject } from './fixture.js'

const key = 'ab'.repeat(32) as Digest
const never = new AbortController().signal

test('of many processes that publish one key at once, all go on with the outputs of the first', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const go = join(dir, 'go')
    const children = Array.from({ length: 4 }, (_, i) =>
      inChild(
        dir,
        `fs.mkdirSync(dir + '/out${i}/sub', { recursive: true })
         for (let f = 0; f < 20; f++) fs.writeFileSync(dir + '/out${i}/sub/same' + f, 'same ' + f)
         fs.writeFileSync(dir + '/out${i}/own', '${i}')
         fs.mkdirSync(dir + '/equal${i}'); for (let f = 0; f < 20; f++) fs.writeFileSync(dir + '/equal${i}/f' + f, 'equal ' + f)
         say('ready'); while (!fs.existsSync(dir + '/go')) await new Promise(done => setTimeout(done, 1))
         const equal = await store.ingest(dir + '/equal${i}', 'folder', 'folder')
         const out = await store.ingest(dir + '/out${i}', 'folder', 'folder')
         const record = await store.publish(recordOf([{ name: 'k', value: 'v' }], { out, equal }, { run: 'run ${i}' }))
         say('won ' + record.run + ' ' + record.outputs.out.digest)`,
      ),
    )
    await Promise.all(children.map(c => c.said('ready')))
    writeFileSync(go, '')
    const said = (await Promise.all(children.map(c => c.ended))).map(text => text.split('\n').find(l => l.startsWith('won ')))
    assert.is(new Set(said).size, 1, said.join('; '))
    const record = await store.lookup(digestOf([{ name: 'k', value: 'v' }]))
    assert.is(`won ${record?.run} ${record?.outputs.out?.digest}`, said[0])
    assert.is(readFileSync(join(store.pathOf(record!.outputs.equal!), 'f7'), 'utf8'), 'equal 7')
    assert.equal(readdirSync(store.at.temporary), [])
  }))

test('a kill between the objects and the record leaves a miss, and the next run is as if it had not been', () =>
  withProject(async ({ dir, open, write }) => {
    const { child, said, ended } = inChild(
      dir,
      `const { dir: work } = await store.attempt('${key}')
       fs.mkdirSync(work + '/m'); fs.writeFileSync(work + '/m/a', '1'); fs.writeFileSync(work + '/m/b', '2')
       await store.ingest(work + '/m', 'model', 'folder')
       say('stored'); setInterval(() => {}, 1000)`,
    )
    await said('stored')
    child.kill('SIGKILL')
    await ended
    const store = await open()
    assert.is(await store.lookup(key), undefined)
    write('m/a', '1')
    write('m/b', '2')
    const record = await store.publish(recordOf([{ name: 'k', value: 'v' }], { model: await store.ingest(join(dir, 'm'), 'model', 'folder') }))
    assert.ok(await store.lookup(record.key))
    assert.is((await store.attempt(key)).dir.endsWith('attempt-2'), true, 'the torn attempt is not used again')
  }))

test('a kill in the middle of storing a folder leaves nothing that is taken for whole', () =>
  withProject(async ({ dir, open, write }) => {
    const { said, ended, child } = inChild(
      dir,
      `fs.mkdirSync(dir + '/m'); for (let f = 0; f < 5; f++) fs.writeFileSync(dir + '/m/f' + f, 'x' + f)
       const { openStore: open2 } = await import(${JSON.stringify(new URL('../../src/artifacts/store.ts', import.meta.url).pathname)})
       let links = 0
       const dying = await open2({ root: dir + '/.hone', projectRoot: dir, io: { nowMs: () => Date.now(), fs: { ...fs, linkSync: (...args) => {
         if (++links === 3) { say('half'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) }
         fs.linkSync(...args)
       } } } })
       await dying.ingest(dir + '/m', 'model', 'folder')`,
    )
    await said('half')
    child.kill('SIGKILL')
    await ended
    const store = await open()
    for (let f = 0; f < 5; f++) write(`m/f${f}`, `x${f}`)
    const output = await store.ingest(join(dir, 'm'), 'model', 'folder')
    assert.equal(readdirSync(store.pathOf(output)), ['f0', 'f1', 'f2', 'f3', 'f4'])
    assert.ok(await store.verifyUnchanged(output))
  }))

test('a second process waits for the lock, says for whom, and gets it when the first lets go', () =>
  withProject(async ({ dir, open }) => {
    const store = await open()
    const { child, said, ended } = inChild(
      dir,
      `const lock = await store.lock('${key}', { signal: new AbortController().signal, node: 'tuned' })
       say('held'); while (!fs.existsSync(dir + '/go')) await new Promise(done => setTimeout(done, 5))
       await lock.release(); say('released')`,
    )
    await said('held')
    let holder: LockHolder | undefined
    const taken = store.lock(key, { signal: never, onWait: h => ((holder = h), writeFileSync(join(dir, 'go'), '')) })
    const lock = await taken
    assert.is(holder?.pid, child.pid)
    assert.is(holder?.node, 'tuned')
    await ended
    await lock.release()
    assert.equal(readdirSync(store.at.locks), [])
  }))

test('the lock of a killed process is nobody\'s', () =>
  withProject(async ({ dir, open }) => {
    const { child, said, ended } = inChild(dir, `await store.lock('${key}', { signal: new AbortController().signal }); say('held'); setInterval(() => {}, 1000)`)
    await said('held')
    child.kill('SIGKILL')
    await ended
    const store = await open()
    let hasWaited = false
    const lock = await store.lock(key, { signal: never, onWait: () => (hasWaited = true) })
    assert.not.ok(hasWaited)
    await lock.release()
  }))

test('a pid that another process has got since, and a lock from before a reboot, hold nothing', () =>
  withProject(async ({ open }) => {
    const store = await open()
    const held = await store.lock(key, { signal: never })
    const mine = JSON.parse(readFileSync(store.at.lock(key), 'utf8')) as Record<string, unknown>
    if (mine.start === null || mine.boot === null) return console.log('SKIP a pid that another process has got since, and a lock from before a reboot, hold nothing: this system has no /proc')
    for (const change of [{ start: '1' }, { boot: 'before' }]) {
      writeFileSync(store.at.lock(key), JSON.stringify({ ...mine, id: 'theirs', ...change }))
      const lock = await store.lock(key, { signal: AbortSignal.timeout(2000) })
      await lock.release()
    }
    await held.release()
  }))

test('another host is waited for while its heart beats, and no longer than five minutes after', () =>
  withProject(async ({ open }) => {
    const store = await open()
    await (await store.lock(key, { signal: never })).release()
    const path = store.at.lock(key)
    writeFileSync(path, JSON.stringify({ pid: 1, host: 'elsewhere', since: '2026-01-01T00:00:00.000Z', id: 'x', start: null, boot: null, pidNamespace: null }))
    let holder: LockHolder | undefined
    try {
      await store.lock(key, { signal: AbortSignal.timeout(150), onWait: h => (holder = h) })
      assert.unreachable()
    } catch (error) {
      assert.match((error as Error).name, /Abort|Timeout/)
    }
    assert.is(holder?.host, 'elsewhere')
    const old = Date.now() / 1000 - 301
    utimesSync(path, old, old)
    await (await store.lock(key, { signal: AbortSignal.timeout(2000) })).release()
    assert.equal(readdirSync(store.at.temporary), [])
  }))

test('one process can wait for itself: two nodes of a run may share a key', () =>
  withProject(async ({ open }) => {
    const store = await open()
    const order: string[] = []
    const first = await store.lock(key, { signal: never })
    const second = store.lock(key, { signal: never }).then(async lock => (order.push('second'), lock.release()))
    order.push('first')
    await first.release()
    await second
    assert.equal(order, ['first', 'second'])
  }))

test('a lock file that a kill left empty, or that is damaged, holds nothing', () =>
  withProject(async ({ open }) => {
    const store = await open()
    await (await store.lock(key, { signal: never })).release()
    for (const text of ['', 'null', '{}', '[1]', '"x"']) {
      writeFileSync(store.at.lock(key), text)
      await (await store.lock(key, { signal: AbortSignal.timeout(2000) })).release()
      assert.not.ok(existsSync(store.at.lock(key)), text)
    }
    rmSync(store.at.locks, { recursive: true })
  }))

test.run()
